//===-- The C code that Swift cannot import --------------------------------===//
// Swift imports this header, and each of the others describes one concept. A function that can fail
// returns -errno, so that nothing can overwrite errno between the call and the check.
//
// What Swift can say just as safely belongs into AsyncIOSystem. The first lines of each C file say
// why its content is here, and what the code may not do. The other headers are not in this directory,
// because it is in the search path of every program that uses the library, where a header such as
// spawn.h would hide the system's.
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
