internal import CShims

/// Returns whether less than a quarter of this thread's stack is left. If so, nested work must continue elsewhere.
@usableFromInline
func isStackLow() -> Bool { asyncio_stack_is_low() }
