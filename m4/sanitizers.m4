dnl SPDX-License-Identifier: MIT
dnl MEMWHY_SANITIZERS: SAN_CFLAGS for memwhy itself and its unit tests; never for the probe,
dnl which lives in other people's processes.
AC_DEFUN([MEMWHY_SANITIZERS], [
  AC_ARG_ENABLE([sanitize], [AS_HELP_STRING([--enable-sanitize=LIST], [-fsanitize=LIST for memwhy and its unit tests])],
    [], [enable_sanitize=no])
  SAN_CFLAGS=
  AS_IF([test "$enable_sanitize" != no],
    [SAN_CFLAGS="-fsanitize=$enable_sanitize -fno-sanitize-recover=all -fno-omit-frame-pointer"])
  AC_SUBST([SAN_CFLAGS])
])
