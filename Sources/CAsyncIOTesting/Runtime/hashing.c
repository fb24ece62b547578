// Hash values that are the same in every process. This file is in C, because it changes a variable of the Swift
// runtime.
//
// Sets and dictionaries are iterated in the order of their hash values, which Swift seeds anew in each process.
// Swift also seeds each collection with the collection's address. A failure that depends on this order could
// therefore not be repeated. For this reason, this file makes hash values the same in every process that links
// this module, as the environment variable SWIFT_DETERMINISTIC_HASHING does.
//
// Relies on: the exported variable that inlined code of the standard library reads. Checked by: a test. Fails:
// the order differs from run to run.
#include "CAsyncIOTesting.h"

struct hashing_parameters {
    uint64_t seed0, seed1;
    bool is_deterministic;
};
extern struct hashing_parameters _swift_stdlib_Hashing_parameters __attribute__((weak));

__attribute__((constructor(101))) static void make_hashing_deterministic(void) {
    if (&_swift_stdlib_Hashing_parameters) _swift_stdlib_Hashing_parameters = (struct hashing_parameters){0, 0, true};
}
