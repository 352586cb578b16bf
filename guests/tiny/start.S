/* Multiboot 1 header, entry and interrupt stubs of the tiny guest. GNU Multiboot specification 0.6.96,
   sections 3.1 (header) and 3.2 (machine state): protected mode, flat segments, no paging, EBX = boot
   information. Segments are loaded anew: an interrupt returns through a GDT, and none is promised. */
.code32
.section .text.start, "ax"
.global _start
.set MAGIC, 0x1BADB002
.set FLAGS, 0x00010002          /* memory map wanted, address fields below are valid */
.align 4
header:
  .long MAGIC, FLAGS, -(MAGIC + FLAGS)
  .long header, image_start, image_end, bss_end, _start

_start:
  cli
  cld
  mov %eax, %esi
  mov $bss_start, %edi
  mov $bss_end, %ecx
  sub %edi, %ecx
  xor %eax, %eax
  rep stosb
  mov $stack_top, %esp
  lgdt gdt_pointer
  ljmp $0x08, $1f
1:
  mov $0x10, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %fs
  mov %eax, %gs
  mov %eax, %ss
  push %ebx
  push %esi
  call tiny_main
2:
  cli
  hlt
  jmp 2b

/* The timer only wakes the processor. */
.global on_timer
on_timer:
  push %eax
  mov $0x20, %al
  out %al, $0x20
  pop %eax
  iret

/* Nothing else is expected. */
.global on_fault
on_fault:
  cli
  call tiny_fault
  jmp 2b

.section .rodata
.align 8
gdt:
  .quad 0
  .quad 0x00cf9a000000ffff      /* code: base 0, 4 GiB */
  .quad 0x00cf92000000ffff      /* data: base 0, 4 GiB */
gdt_pointer:
  .word . - gdt - 1
  .long gdt

.section .note.GNU-stack, "", @progbits
