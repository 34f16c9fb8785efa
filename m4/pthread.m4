dnl SPDX-License-Identifier: MIT
dnl AX_PTHREAD_SIMPLE: pthread_create in libc (glibc 2.34 and later) or in -lpthread.
AC_DEFUN([AX_PTHREAD_SIMPLE], [
  AC_SEARCH_LIBS([pthread_create], [pthread], [], [AC_MSG_ERROR([no POSIX threads])])
])
