/* The scripts of contrib/completions, built in for `completion SHELL`. */
#ifndef CLI_COMPLETIONS_H
#define CLI_COMPLETIONS_H

extern const char completion_bash[], completion_zsh[], completion_fish[];

#endif
