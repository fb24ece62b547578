#ifndef FAULT_INJECTION_H
#define FAULT_INJECTION_H

#include "platform.h"

#include <stdbool.h>

/// The next `times` connections that this process accepts are lost, and accepting them fails.
void faults_fail_accepting(int error, int times);
/// The next `times` attempts to add a listening socket to an epoll fail, once accepting has failed.
void faults_fail_watching(int error, int times);
/// Makes the system refuse these calls of this process permanently, as a container's filter does.
bool faults_refuse(int error, const int *numbers, int count);

#endif
