internal import AsyncIO
internal import CAsyncIOMain

/// Called at load time by the constructor in CAsyncIOMain, before `main`.
@c(asyncio_install_at_load)
func installAtLoad() { EventLoop.installExecutor() }
