#!/bin/sh
# Says "running", "success" or "failed" of the Slurm job with the given id, for profiles/cluster-generic.
# A question that Slurm does not answer says nothing about the job: a second copy must not be started for it.
if state=$(squeue --noheader --states=all --format=%T --jobs="$1" 2>&1); then
  case $state in
    COMPLETED) echo success ;;
    BOOT_FAIL | CANCELLED | DEADLINE | FAILED | NODE_FAIL | OUT_OF_MEMORY | PREEMPTED | TIMEOUT | "") echo failed ;;
    *) echo running ;;
  esac
else
  case $state in
    *"Invalid job id"*) echo failed ;;
    *) echo running ;;
  esac
fi
