complete --keep-order --exclusive --command dc --arguments "(COMPLETE=fish dc -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
