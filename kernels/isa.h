/** TB_KERNEL(name) is the name's variant for the instruction set a definition is being compiled
 * for. */
#ifndef TUBAN_KERNELS_ISA_H
#define TUBAN_KERNELS_ISA_H

#ifndef TB_ISA
#    define TB_ISA c
#endif

#define TB_KERNEL_PASTE(name, isa) name##_##isa
#define TB_KERNEL_NAME(name, isa)  TB_KERNEL_PASTE(name, isa)
#define TB_KERNEL(name)            TB_KERNEL_NAME(name, TB_ISA)

#endif
