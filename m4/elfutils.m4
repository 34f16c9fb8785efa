dnl SPDX-License-Identifier: MIT
dnl MEMWHY_ELFUTILS: libdw and libelf read DWARF. 0.188 is Debian 12's, the oldest that was tried.
AC_DEFUN([MEMWHY_ELFUTILS], [PKG_CHECK_MODULES([ELFUTILS], [libdw >= 0.188 libelf >= 0.188])])
