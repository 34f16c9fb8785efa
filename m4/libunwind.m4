dnl SPDX-License-Identifier: MIT
dnl MEMWHY_LIBUNWIND: for the test that compares the probe's unwinder with it; memwhy needs none.
AC_DEFUN([MEMWHY_LIBUNWIND], [
  PKG_CHECK_MODULES([LIBUNWIND], [libunwind >= 1.5], [have_libunwind=yes], [have_libunwind=no])
  AM_CONDITIONAL([HAVE_LIBUNWIND], [test "$have_libunwind" = yes])
])
