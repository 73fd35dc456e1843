// objc_msgSend and its variants for x86-64, in assembly: a message send passes whatever arguments
// the method takes, so every register that may hold one is saved round the look-up, and the method
// is jumped to with the caller's stack as it was.

#ifndef __x86_64__
#error "the message send is written for x86-64 only"
#endif

// After the push the stack is aligned to 16 bytes, and stays so: 192 bytes hold eight vector
// registers, the six integer ones, and rax, which counts the vector registers of a variadic call.
#define CBR_SAVE_ARGUMENTS       \
  "pushq %rbp\n"                 \
  ".cfi_def_cfa_offset 16\n"     \
  ".cfi_offset %rbp, -16\n"      \
  "movq %rsp, %rbp\n"            \
  ".cfi_def_cfa_register %rbp\n" \
  "subq $192, %rsp\n"            \
  "movaps %xmm0, 0(%rsp)\n"      \
  "movaps %xmm1, 16(%rsp)\n"     \
  "movaps %xmm2, 32(%rsp)\n"     \
  "movaps %xmm3, 48(%rsp)\n"     \
  "movaps %xmm4, 64(%rsp)\n"     \
  "movaps %xmm5, 80(%rsp)\n"     \
  "movaps %xmm6, 96(%rsp)\n"     \
  "movaps %xmm7, 112(%rsp)\n"    \
  "movq %rdi, 128(%rsp)\n"       \
  "movq %rsi, 136(%rsp)\n"       \
  "movq %rdx, 144(%rsp)\n"       \
  "movq %rcx, 152(%rsp)\n"       \
  "movq %r8, 160(%rsp)\n"        \
  "movq %r9, 168(%rsp)\n"        \
  "movq %rax, 176(%rsp)\n"

#define CBR_RESTORE_AND_JUMP  \
  "movq %rax, %r11\n"         \
  "movaps 0(%rsp), %xmm0\n"   \
  "movaps 16(%rsp), %xmm1\n"  \
  "movaps 32(%rsp), %xmm2\n"  \
  "movaps 48(%rsp), %xmm3\n"  \
  "movaps 64(%rsp), %xmm4\n"  \
  "movaps 80(%rsp), %xmm5\n"  \
  "movaps 96(%rsp), %xmm6\n"  \
  "movaps 112(%rsp), %xmm7\n" \
  "movq 128(%rsp), %rdi\n"    \
  "movq 136(%rsp), %rsi\n"    \
  "movq 144(%rsp), %rdx\n"    \
  "movq 152(%rsp), %rcx\n"    \
  "movq 160(%rsp), %r8\n"     \
  "movq 168(%rsp), %r9\n"     \
  "movq 176(%rsp), %rax\n"    \
  "leave\n"                   \
  ".cfi_def_cfa %rsp, 8\n"    \
  "jmp *%r11\n"

#define CBR_FUNCTION(name)           \
  ".text\n"                          \
  ".p2align 4\n"                     \
  ".globl " name                     \
  "\n"                               \
  ".type " name ", @function\n" name \
  ":\n"                              \
  ".cfi_startproc\n"

#define CBR_FUNCTION_END(name) \
  ".cfi_endproc\n"             \
  ".size " name ", . - " name "\n"

// A message to nil returns zero, in every register that a result may be in.
asm(CBR_FUNCTION("objc_msgSend")
    "testq %rdi, %rdi\n"
    "je 1f\n"
    CBR_SAVE_ARGUMENTS
    "call cbr_metal_fake_lookup@PLT\n"
    CBR_RESTORE_AND_JUMP
    "1:\n"
    "xorl %eax, %eax\n"
    "xorl %edx, %edx\n"
    "xorps %xmm0, %xmm0\n"
    "xorps %xmm1, %xmm1\n"
    "ret\n"
    CBR_FUNCTION_END("objc_msgSend"));

// The result goes to memory, whose address comes before the receiver. The compiler zeroes it itself
// where the receiver may be nil.
asm(CBR_FUNCTION("objc_msgSend_stret")
    "testq %rsi, %rsi\n"
    "je 1f\n"
    CBR_SAVE_ARGUMENTS
    "movq %rsi, %rdi\n"
    "movq %rdx, %rsi\n"
    "call cbr_metal_fake_lookup@PLT\n"
    CBR_RESTORE_AND_JUMP
    "1:\n"
    "movq %rdi, %rax\n"
    "ret\n"
    CBR_FUNCTION_END("objc_msgSend_stret"));

// The first argument is an objc_super; the method gets its receiver.
asm(CBR_FUNCTION("objc_msgSendSuper2") CBR_SAVE_ARGUMENTS
    "call cbr_metal_fake_lookup_super@PLT\n"
    "movq 128(%rsp), %rdi\n"
    "movq (%rdi), %rdi\n"
    "movq %rdi, 128(%rsp)\n" CBR_RESTORE_AND_JUMP CBR_FUNCTION_END("objc_msgSendSuper2"));

asm(CBR_FUNCTION("objc_msgSendSuper2_stret") CBR_SAVE_ARGUMENTS
    "movq %rsi, %rdi\n"
    "movq %rdx, %rsi\n"
    "call cbr_metal_fake_lookup_super@PLT\n"
    "movq 136(%rsp), %rsi\n"
    "movq (%rsi), %rsi\n"
    "movq %rsi, 136(%rsp)\n" CBR_RESTORE_AND_JUMP CBR_FUNCTION_END("objc_msgSendSuper2_stret"));
