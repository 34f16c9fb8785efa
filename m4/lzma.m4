dnl SPDX-License-Identifier: MIT
dnl MEMWHY_LZMA: packed symbols (.gnu_debugdata) are xz. liblzma itself, not elfutils', for it
dnl unpacks with a bound.
AC_DEFUN([MEMWHY_LZMA], [PKG_CHECK_MODULES([LZMA], [liblzma >= 5.2])])
