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

/** The only variant of a kernel that gains less than 1.3 times by wider registers: all tables have
 * it, and it is defined where TB_HAS_PLAIN. */
#define TB_PLAIN(name) name##_c

#endif
