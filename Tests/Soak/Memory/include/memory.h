#include <stddef.h>

/// Bytes that the program has got from malloc and not given back.
size_t soak_memory_in_use(void);
/// Gives free pages back to the system, so that what is resident is what is needed.
void soak_trim_memory(void);
