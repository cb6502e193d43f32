/* Generated container names. */
#ifndef CONTAINER_NAMES_H
#define CONTAINER_NAMES_H

/* A fresh random name, or NULL; from the fifth @attempt (from 0) on with a number behind it. */
char *container_random_name(unsigned int attempt);

#endif
