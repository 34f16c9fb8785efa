dnl SPDX-License-Identifier: MIT
dnl MEMWHY_ZLIB: pprof's files are gzipped.
AC_DEFUN([MEMWHY_ZLIB], [PKG_CHECK_MODULES([ZLIB], [zlib >= 1.2.11])])
