/** The managers that this package brings. */
import type { ManagerFactory } from "../manager.js";
import { kubevirt } from "./kubevirt.js";
import { libvirt } from "./libvirt.js";
import { nova } from "./nova.js";
import { proxmox } from "./proxmox.js";
import { vdsm } from "./vdsm.js";

export const MANAGERS: readonly ManagerFactory[] = [kubevirt, nova, proxmox, vdsm, libvirt];
