/*
 * The page writer of page-writer.h as a Linux process, i386, static and without libc:
 *
 *     dirty pattern=zipf pages=4000 rate=3000
 *
 * System calls by number (arch/x86/entry/syscalls/syscall_32.tbl). Time is CLOCK_MONOTONIC.
 */
#include <stdint.h>

#define NAME "dirty"
#define PROT_READ_WRITE 3
#define MAP_PRIVATE_ANONYMOUS 0x22
#define CLOCK_MONOTONIC 1
#define SLEEP_NS 5000000

enum { SYS_EXIT = 1, SYS_WRITE = 4, SYS_NANOSLEEP = 162, SYS_MMAP2 = 192, SYS_CLOCK_GETTIME = 265 };

static void put(char c);
static uint64_t now_ns(void);
static void __attribute__((noreturn)) die(const char *why, const char *what);

#include "../page-writer.h"

static int32_t system_call(uint32_t number, uint32_t a, uint32_t b, uint32_t c) {
  int32_t result;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(number), "b"(a), "c"(b), "d"(c)
                   : "memory");
  return result;
}

/* Whole lines, so that they do not mix with those of others. */
static void put(char c) {
  static char line[256];
  static uint32_t length;
  line[length++] = c;
  if (c != '\n' && length < sizeof line) return;
  system_call(SYS_WRITE, 1, (uint32_t)line, length);
  length = 0;
}

static uint64_t now_ns(void) {
  struct {
    int32_t seconds, nanoseconds;
  } now = {0, 0};
  system_call(SYS_CLOCK_GETTIME, CLOCK_MONOTONIC, (uint32_t)&now, 0);
  return (uint64_t)(uint32_t)now.seconds * 1000000000u + (uint32_t)now.nanoseconds;
}

static void __attribute__((noreturn)) die(const char *why, const char *what) {
  text("dirty error: ");
  text(why);
  text(what);
  put('\n');
  for (;;) system_call(SYS_EXIT, 1, 0, 0);
}

/* Six arguments: the sixth travels in EBP, which a compiler keeps for itself. */
static uint8_t *map(uint32_t bytes) {
  uint8_t *result;
  __asm__ volatile("push %%ebp; xor %%ebp, %%ebp; int $0x80; pop %%ebp"
                   : "=a"(result)
                   : "a"(SYS_MMAP2), "b"(0), "c"(bytes), "d"(PROT_READ_WRITE),
                     "S"(MAP_PRIVATE_ANONYMOUS), "D"(-1)
                   : "memory");
  if ((uint32_t)result > -4096u) die("no memory for the pages", "");
  return result;
}

void __attribute__((noreturn, used)) dirty_main(int count, const char *const *words) {
  static const struct {
    int32_t seconds, nanoseconds;
  } pause = {0, SLEEP_NS};
  for (int i = 1; i < count; i++) parse(words[i]);
  settle();
  greet(0);
  uint32_t tables = (table_bytes() + PAGE_BYTES - 1) & -PAGE_BYTES;
  uint8_t *memory = map(tables + total_pages * PAGE_BYTES);
  begin_writing((uint32_t *)memory, memory + tables);
  for (;;)
    if (take_turn()) system_call(SYS_NANOSLEEP, (uint32_t)&pause, 0, 0);
}

__asm__(".globl _start\n"
        "_start: mov %esp, %eax\n"
        "  lea 4(%eax), %edx\n"
        "  mov (%eax), %eax\n"
        "  and $-16, %esp\n"
        "  sub $8, %esp\n"
        "  push %edx\n"
        "  push %eax\n"
        "  call dirty_main\n");
