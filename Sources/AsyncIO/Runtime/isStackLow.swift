internal import CShims

/// Whether less than a quarter of this thread's stack is left, so that nested work has to continue elsewhere.
@usableFromInline
func isStackLow() -> Bool { asyncio_stack_is_low() }
