dnl SPDX-License-Identifier: MIT
dnl MEMWHY_NCURSESW: memwhy tui draws with it, in wide characters. 6.2 is Debian 11's.
AC_DEFUN([MEMWHY_NCURSESW], [PKG_CHECK_MODULES([NCURSESW], [ncursesw >= 6.2])])
