internal import CShims

/// Whether so much of this thread's stack is in use that what the user nests has to go on
/// elsewhere: less than a quarter is left.
@usableFromInline
func isStackLow() -> Bool { asyncio_stack_is_low() }
