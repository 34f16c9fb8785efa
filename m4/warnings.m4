dnl SPDX-License-Identifier: MIT
dnl MEMWHY_WARNINGS: WARN_CFLAGS; --enable-werror for developers and CI.
AC_DEFUN([MEMWHY_WARNINGS], [
  AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [warnings are errors])],
    [], [enable_werror=no])
  WARN_CFLAGS="-std=gnu11 -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wwrite-strings -Wno-unused-parameter"
  AS_IF([test "$enable_werror" = yes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
  AC_SUBST([WARN_CFLAGS])
])
