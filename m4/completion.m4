dnl SPDX-License-Identifier: MIT
dnl MEMWHY_COMPLETION: where bash looks for completions, below our own datadir so that
dnl a --prefix install and distcheck never write outside their prefix.
AC_DEFUN([MEMWHY_COMPLETION], [
  AC_ARG_WITH([bash-completion-dir],
    [AS_HELP_STRING([--with-bash-completion-dir=DIR], [bash completions @<:@DATADIR/bash-completion/completions@:>@])],
    [bashcompdir=$withval], [bashcompdir='${datadir}/bash-completion/completions'])
  AC_SUBST([bashcompdir])
])
