//===-- The C code that Swift cannot import --------------------------------===//
// Swift imports this header. Each of the other headers describes one concept. A function that can
// fail returns -errno, so that no other code can overwrite errno between the call and the check.
//
// Code that Swift can express just as safely belongs in AsyncIOSystem. The first lines of each C file
// say why its content is in C, and what the code must not do. This directory is in the search path of
// every program that uses the library. The other headers are not in this directory, because a header
// such as spawn.h would hide the system's header.
#ifndef ASYNCIO_CSHIMS_H
#define ASYNCIO_CSHIMS_H

#include "platform.h"

#include "../clock.h"
#include "../dispatch_queue.h"
#include "../dump_signal.h"
#include "../epoll.h"
#include "../eventfd.h"
#include "../files.h"
#include "../interrupts.h"
#include "../loop.h"
#include "../memory.h"
#include "../pulse.h"
#include "../runtime.h"
#include "../signals.h"
#include "../sockets.h"
#include "../spawn.h"
#include "../stack.h"
#include "../terminal.h"
#include "../thread_frames.h"
#include "../threads.h"
#include "../tls.h"
#include "../uring.h"

#endif
