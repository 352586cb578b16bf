/*
 * Times SimGrid's own live-migration plugin: n guests that migrate at once, every `pair` of hosts
 * with a link of its own (pairs = n) or all on one (pairs = 1). Each pair is a zone by itself, so
 * that no routing table over all hosts is built. Only Engine::run is timed.
 *
 *   migrations n pairs intensity work_flops  ->  "<wall seconds> <simulated seconds at the end>"
 */
#include <simgrid/plugins/live_migration.h>
#include <simgrid/s4u.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace sg = simgrid::s4u;

static double last_end = 0;

int main(int argc, char** argv) {
  sg::Engine engine(&argc, argv);
  sg_vm_live_migration_plugin_init();
  const int n = atoi(argv[1]);
  const int pairs = atoi(argv[2]);
  const double intensity = atof(argv[3]);
  const double work = atof(argv[4]);

  auto* root = sg::create_empty_zone("root");
  std::vector<sg::Host*> from;
  std::vector<sg::Host*> to;
  for (int p = 0; p < pairs; p++) {
    const std::string tag = std::to_string(p);
    auto* zone = sg::create_full_zone("zone" + tag)->set_parent(root);
    auto* a = zone->create_host("a" + tag, 1e9)->set_core_count(n / pairs)->seal();
    auto* b = zone->create_host("b" + tag, 1e9)->set_core_count(n / pairs)->seal();
    auto* link = zone->create_link("l" + tag, 125e6)->set_latency(0)->seal();
    zone->add_route(a->get_netpoint(), b->get_netpoint(), nullptr, nullptr,
                    {sg::LinkInRoute(link)}, true);
    zone->seal();
    from.push_back(a);
    to.push_back(b);
  }
  root->seal();

  for (int i = 0; i < n; i++) {
    sg::Host* target = to[i % pairs];
    auto* vm = sg_vm_create_migratable(from[i % pairs], ("vm" + std::to_string(i)).c_str(), 1,
                                       1000, 100, 50);
    vm->set_ramsize(1000000000);
    sg_vm_set_dirty_page_intensity(vm, intensity);
    sg_vm_set_working_set_memory(vm, 900000000);
    sg_vm_set_migration_speed(vm, 125e6);
    vm->start();
    sg::Actor::create("work", vm, [work] { sg::this_actor::execute(work); });
    sg::Actor::create("move", from[i % pairs], [vm, target] {
      sg_vm_migrate(vm, target);
      last_end = sg::Engine::get_clock();
      // A guest that is done need not go on computing until the others are.
      vm->destroy();
    });
  }

  const auto begin = std::chrono::steady_clock::now();
  engine.run();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  printf("%.9f %.9f\n", wall.count(), last_end);
  return 0;
}
