dnl SPDX-License-Identifier: MIT
dnl MEMWHY_ZYDIS: the decoder. Debian 12's package has no .pc file, so the library is asked for
dnl a function that came with 4.0.
AC_DEFUN([MEMWHY_ZYDIS], [
  PKG_CHECK_MODULES([ZYDIS], [zydis >= 4.0], [], [
    AC_CHECK_HEADER([Zydis/Zydis.h], [], [AC_MSG_ERROR([Zydis 4.0 is needed (libzydis-dev)])])
    AC_CHECK_LIB([Zydis], [ZydisDecoderDecodeInstruction], [ZYDIS_LIBS=-lZydis],
      [AC_MSG_ERROR([Zydis 4.0 or later is needed (libzydis-dev)])])
    AC_SUBST([ZYDIS_LIBS])
    AC_SUBST([ZYDIS_CFLAGS])])
])
