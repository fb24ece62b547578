#include "platform.h"

#include <stddef.h>

/// The number of bytes that the program has allocated with malloc and not freed.
size_t soak_memory_in_use(void);
/// Returns free pages to the system, so that resident memory is what is needed.
void soak_trim_memory(void);
