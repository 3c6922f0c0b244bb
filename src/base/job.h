// Which of several processes of one job this one is, as the launcher that started them says.
#pragma once
#include <string>

namespace bitsieve {

struct JobPart {
  int rank = 0, size = 1;
  bool launched = false;              // a launcher said so; else this is the only process
  int local_rank = 0;                 // among the processes of this machine
  std::string address = "127.0.0.1";  // of the process of rank 0
  int port = 29500;
};

// RANK and WORLD_SIZE (torchrun and others), OMPI_COMM_WORLD_RANK and _SIZE (mpirun), PMI_RANK and PMI_SIZE (mpiexec of
// MPICH), SLURM_PROCID and SLURM_STEP_NUM_TASKS (srun); MASTER_ADDR and MASTER_PORT besides.
// LOCAL_RANK, OMPI_COMM_WORLD_LOCAL_RANK, MPI_LOCALRANKID and SLURM_LOCALID are of the machine.
// One process where none of them is set. Throws Error where they make no sense.
JobPart part_of_job();

}  // namespace bitsieve
