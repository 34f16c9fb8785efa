dnl SPDX-License-Identifier: MIT
dnl MEMWHY_IBERTY: demangles C++ and Rust names. It has no .pc file and is a static library.
AC_DEFUN([MEMWHY_IBERTY], [
  AC_CHECK_HEADER([libiberty/demangle.h], [],
    [AC_MSG_ERROR([libiberty is needed (libiberty-dev)])])
  AC_CHECK_LIB([iberty], [rust_demangle_callback], [IBERTY_LIBS=-liberty],
    [AC_MSG_ERROR([a libiberty that demangles Rust is needed (libiberty-dev)])])
  AC_SUBST([IBERTY_LIBS])])
