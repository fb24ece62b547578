// The stacks of threads. This file is in C, because it walks raw memory with frame pointers, and
// because it contains a signal handler. The handler (take_sample and the functions that it calls)
// runs on the inspected thread and can interrupt any code. It must not allocate memory, take locks,
// or look up symbols. It only reads the thread's stack and code, writes to existing memory, and
// makes system calls.
#define _GNU_SOURCE
#include "thread_frames.h"

#include "async_frames.h"
#include "clock.h"
#include "code_map.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

// MARK: Walking a stack

// Swift code keeps frame pointers, but the libraries below it do not. If a thread was stopped in
// one of these libraries, the stack is searched for the first return address outside of the
// library. The frame of an async function has a mark in the saved frame pointer, and the function's
// context is below that pointer. From this frame on, the functions that await the async function
// are more useful than the functions that run it.

typedef struct {
    uintptr_t pc, sp, fp;
} registers;

/// A stack or a copy of a stack. `words` points to the content at the address `low`.
typedef struct {
    uintptr_t low, high;
    const uintptr_t *words;
} stack_view;

static bool has_word(const stack_view *stack, uintptr_t address) {
    return address % sizeof(uintptr_t) == 0 && address >= stack->low &&
           address + sizeof(uintptr_t) <= stack->high;
}

AS_IT_LIES static uintptr_t word_at(const stack_view *stack, uintptr_t address) {
    return stack->words[(address - stack->low) / sizeof(uintptr_t)];
}

/// Whether there is a frame record at `fp`. It consists of the caller's frame pointer and the
/// return address.
static bool is_record(const stack_view *stack, uintptr_t fp) {
    if (!has_word(stack, fp) || !has_word(stack, fp + 8)) return false;
    uintptr_t outer = word_at(stack, fp) & ~ASYNC_FRAME;
    return outer > fp && has_word(stack, outer) && asyncio_is_return_address(word_at(stack, fp + 8));
}

static int walk(registers at, const stack_view *stack, uintptr_t *frames, int capacity, int *first_async) {
    int count = 0;
    *first_async = -1;
    frames[count++] = at.pc;
    const asyncio_code_range *range = asyncio_code_range_of(at.pc);
    uintptr_t fp = at.fp;
    if (fp == 0 || range == NULL || range->is_system) {
        uintptr_t slot = at.sp;
        uintptr_t limit = at.sp + 16384;
        for (; slot < limit && has_word(stack, slot); slot += sizeof(uintptr_t)) {
            uintptr_t word = word_at(stack, slot);
            if (!asyncio_is_return_address(word)) continue;
            const asyncio_code_range *found = asyncio_code_range_of(word);
            if (found->is_system) continue;
            frames[count++] = word;
            break;
        }
        // Find the caller's frame pointer, if the library left it unchanged or has its own frame
        // records. Otherwise, the next record up the stack belongs to the caller.
        while (fp <= slot && is_record(stack, fp)) fp = word_at(stack, fp) & ~ASYNC_FRAME;
        if (fp <= slot || !is_record(stack, fp)) {
            fp = slot + sizeof(uintptr_t);
            while (has_word(stack, fp) && !is_record(stack, fp)) fp += sizeof(uintptr_t);
        }
    }
    while (count < capacity && has_word(stack, fp) && has_word(stack, fp + 8)) {
        uintptr_t saved = word_at(stack, fp);
        if (saved & ASYNC_FRAME && has_word(stack, fp - 8)) {
            *first_async = count;
            return count + asyncio_follow_contexts(word_at(stack, fp - 8), frames + count, capacity - count);
        }
        uintptr_t target = word_at(stack, fp + 8);
        if (!asyncio_is_return_address(target)) break;
        frames[count++] = target;
        if (saved <= fp) break;
        fp = saved;
    }
    return count;
}

// MARK: A thread in a system call

// The kernel reports the thread's position. The stack is copied without disturbing the thread. If
// the system call returns in the meantime, the thread continues, and the walk may find fewer
// frames.
static int frames_in_system_call(
    asyncio_thread_place place, uintptr_t *frames, int capacity, int *first_async, bool *is_running) {
    *is_running = true;
    // A thread that inspects itself is in no system call other than this one.
    if (place.thread == (pid_t)syscall(SYS_gettid)) return 0;
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", (int)place.thread);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0) return 0;
    text[length] = 0;
    if (strncmp(text, "running", 7) == 0) return 0;
    unsigned long long sp, pc;
    char *last = strrchr(text, ' ');
    if (last == NULL) return 0;
    pc = strtoull(last, NULL, 16);
    *last = 0;
    last = strrchr(text, ' ');
    if (last == NULL) return 0;
    sp = strtoull(last, NULL, 16);
    if (sp < place.stack_low || sp >= place.stack_high) return 0;
    size_t size = place.stack_high - sp;
    if (size > 256 * 1024) size = 256 * 1024;
    size -= size % sizeof(uintptr_t);
    uintptr_t *copy = malloc(size);
    if (copy == NULL) return 0;
    int count = 0;
    if (asyncio_read_memory(sp, copy, size)) {
        stack_view stack = {.low = sp, .high = sp + size, .words = copy};
        *is_running = false;
        count = walk((registers){.pc = pc, .sp = sp}, &stack, frames, capacity, first_async);
    }
    free(copy);
    return count;
}

// MARK: A thread that computes

// A leaf function does not have to set up a frame pointer. In that case, the walk would miss its
// caller. The first instructions of the function show whether it sets up a frame pointer. The
// exception tables help to find these instructions.
struct dwarf_eh_bases {
    void *text, *data, *function;
};
extern const void *_Unwind_Find_FDE(void *pc, struct dwarf_eh_bases *bases) __attribute__((weak));

AS_IT_LIES static bool keeps_frame_pointer(uintptr_t pc) {
    if (&_Unwind_Find_FDE == NULL) return true;
    struct dwarf_eh_bases bases = {0};
    if (_Unwind_Find_FDE((void *)pc, &bases) == NULL || bases.function == NULL) return true;
    uintptr_t start = (uintptr_t)bases.function;
    if (start > pc) return true;
#if defined(__x86_64__)
    // The frame has already been removed.
    if (*(const unsigned char *)pc == 0xc3) return false;
    // The instructions are push %rbp and, immediately or soon afterward, mov %rsp, %rbp or lea
    // 8(%rsp), %rbp.
    const unsigned char *code = (const unsigned char *)start;
    uintptr_t length = pc - start < 32 ? pc - start : 32;
    for (uintptr_t i = 0; i + 3 <= length; i++) {
        if (code[i] == 0x48 && code[i + 1] == 0x89 && code[i + 2] == 0xe5) return true;
        if (code[i] == 0x48 && code[i + 1] == 0x8d && code[i + 2] == 0x6c) return true;
    }
    return false;
#elif defined(__aarch64__)
    // stp x29, x30, …
    for (uintptr_t at = start; at + 4 <= pc && at < start + 32; at += 4) {
        uint32_t instruction = *(const uint32_t *)at;
        if ((instruction & 0xfe407fff) == 0xa8007bfd) return true;
    }
    return false;
#else
    return true;
#endif
}

static struct {
    asyncio_thread_place place;
    uintptr_t *frames;
    int capacity, count, first_async;
    /// The return address of the innermost function, if this function does not set up a frame
    /// pointer.
    uintptr_t leaf_return;
    _Atomic(int) state;
    sem_t done;
} sample;
enum { IDLE, ASKED, TAKEN };

// This function runs on the inspected thread. It is safe in a signal handler, because it only reads
// the thread's own stack and code, writes to existing memory, and makes system calls.
static void take_sample(int signal, siginfo_t *info, void *raw) {
    (void)signal;
    (void)info;
    int saved_errno = errno;
    int asked = ASKED;
    if (!atomic_compare_exchange_strong(&sample.state, &asked, TAKEN)) return;
    const ucontext_t *context = raw;
#if defined(__x86_64__)
    registers at = {
        .pc = (uintptr_t)context->uc_mcontext.gregs[REG_RIP],
        .sp = (uintptr_t)context->uc_mcontext.gregs[REG_RSP],
        .fp = (uintptr_t)context->uc_mcontext.gregs[REG_RBP] & ~ASYNC_FRAME,
    };
#elif defined(__aarch64__)
    registers at = {
        .pc = context->uc_mcontext.pc,
        .sp = context->uc_mcontext.sp,
        .fp = context->uc_mcontext.regs[29] & ~ASYNC_FRAME,
    };
#else
    registers at = {0};
#endif
    if (at.sp >= sample.place.stack_low && at.sp < sample.place.stack_high) {
        uintptr_t low = at.sp - at.sp % sizeof(uintptr_t);
        stack_view stack = {.low = low, .high = sample.place.stack_high, .words = (const uintptr_t *)low};
        sample.count = walk(at, &stack, sample.frames, sample.capacity, &sample.first_async);
#if defined(__aarch64__)
        if (asyncio_is_return_address(context->uc_mcontext.regs[30])) sample.leaf_return = context->uc_mcontext.regs[30];
#else
        uintptr_t end = low + 512;
        if (at.fp > low && at.fp < end) end = at.fp;
        for (uintptr_t slot = low; slot < end && has_word(&stack, slot) && sample.leaf_return == 0; slot += 8)
            if (asyncio_is_return_address(word_at(&stack, slot))) sample.leaf_return = word_at(&stack, slot);
#endif
    }
    sem_post(&sample.done);
    errno = saved_errno;
}

/// Claims a signal that no other code uses, and returns it. Returns 0 if all signals are in use.
static int claimed_signal(void) {
    static int claimed = 0;
    if (claimed != 0) return claimed;
    sem_init(&sample.done, 0, 0);
    for (int candidate = SIGRTMAX - 3; candidate > SIGRTMIN; candidate--) {
        struct sigaction old;
        if (sigaction(candidate, NULL, &old) != 0 || old.sa_handler != SIG_DFL) continue;
        struct sigaction action = {.sa_sigaction = take_sample, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
        sigemptyset(&action.sa_mask);
        if (sigaction(candidate, &action, NULL) == 0) return claimed = candidate;
    }
    return 0;
}

static int frames_by_signal(asyncio_thread_place place, uintptr_t *frames, int capacity, int *first_async) {
    int number = claimed_signal();
    if (number == 0) return 0;
    static uintptr_t taken[128];
    sample.place = place;
    sample.frames = taken;
    sample.capacity = capacity < 128 ? capacity : 128;
    sample.count = 0;
    sample.first_async = -1;
    sample.leaf_return = 0;
    atomic_store(&sample.state, ASKED);
    if (syscall(SYS_tgkill, getpid(), place.thread, number) != 0) return 0;
    // On the clock of this thread, as AsyncIOTesting's replacement of sem_timedwait expects.
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_nsec += 200 * 1000 * 1000;
    if (limit.tv_nsec >= 1000000000) {
        limit.tv_nsec -= 1000000000;
        limit.tv_sec += 1;
    }
    while (sem_timedwait(&sample.done, &limit) != 0) {
        if (errno == EINTR) continue;
        // The signal may still arrive. In that case, the handler must have nothing to do.
        int asked = ASKED;
        if (atomic_compare_exchange_strong(&sample.state, &asked, IDLE)) return 0;
        while (sem_wait(&sample.done) != 0) {}
        break;
    }
    if (sample.count == 0) return 0;
    int count = 0;
    frames[count++] = taken[0];
    const asyncio_code_range *range = asyncio_code_range_of(taken[0]);
    bool is_leaf = range != NULL && !range->is_system && !keeps_frame_pointer(taken[0]);
    if (is_leaf && sample.leaf_return != 0 && (sample.count < 2 || taken[1] != sample.leaf_return))
        frames[count++] = sample.leaf_return;
    *first_async = sample.first_async < 0 ? -1 : sample.first_async + count - 1;
    for (int i = 1; i < sample.count && count < capacity; i++) frames[count++] = taken[i];
    return count;
}

int asyncio_own_frames(uintptr_t *frames, int capacity) {
    asyncio_thread_place place = asyncio_this_thread();
    uintptr_t fp = (uintptr_t)__builtin_frame_address(0);
    if (fp < place.stack_low || fp >= place.stack_high) return 0;
    pthread_mutex_lock(&asyncio_code_map_lock);
    if (asyncio_code_map_is_empty()) asyncio_code_map_read();
    stack_view stack = {.low = fp, .high = place.stack_high, .words = (const uintptr_t *)fp};
    int count = 0;
    while (count < capacity && has_word(&stack, fp) && has_word(&stack, fp + 8)) {
        uintptr_t saved = word_at(&stack, fp) & ~ASYNC_FRAME, target = word_at(&stack, fp + 8);
        if (!asyncio_is_return_address(target)) break;
        frames[count++] = target;
        if (saved <= fp) break;
        fp = saved;
    }
    pthread_mutex_unlock(&asyncio_code_map_lock);
    return count;
}

asyncio_thread_place asyncio_this_thread(void) {
    // The place is cached, because the system reads a file to find the first thread's stack.
    static __thread asyncio_thread_place place;
    pid_t thread = (pid_t)syscall(SYS_gettid);
    if (place.thread == thread) return place;
    place.thread = thread;
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        void *base;
        size_t size;
        if (pthread_attr_getstack(&attributes, &base, &size) == 0) {
            place.stack_low = (uintptr_t)base;
            place.stack_high = (uintptr_t)base + size;
        }
        pthread_attr_destroy(&attributes);
    }
    return place;
}

int asyncio_thread_frames(
    asyncio_thread_place place, uintptr_t *frames, int capacity, int *first_async) {
    *first_async = -1;
    if (sizeof(void *) != 8 || capacity < 2) return 0;
    pthread_mutex_lock(&asyncio_code_map_lock);
    asyncio_code_map_read();
    bool is_running;
    int count = frames_in_system_call(place, frames, capacity, first_async, &is_running);
    if (is_running) count = frames_by_signal(place, frames, capacity, first_async);
    pthread_mutex_unlock(&asyncio_code_map_lock);
    return count;
}
