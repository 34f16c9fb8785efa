dnl SPDX-License-Identifier: MIT
dnl MEMWHY_WITH_CMOCKA: the unit tests need it, memwhy does not.
AC_DEFUN([MEMWHY_WITH_CMOCKA], [
  AC_ARG_WITH([cmocka], [AS_HELP_STRING([--without-cmocka], [leave the unit tests out])], [], [with_cmocka=auto])
  AS_IF([test "$with_cmocka" != no],
    [PKG_CHECK_MODULES([CMOCKA], [cmocka >= 1.1.5], [with_cmocka=yes],
      [AS_IF([test "$with_cmocka" = yes], [AC_MSG_ERROR([cmocka was asked for and is not here])])
       with_cmocka=no])])
  AM_CONDITIONAL([HAVE_CMOCKA], [test "$with_cmocka" = yes])
])
