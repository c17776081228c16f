namespace Skipwise.Tests.Distributed.Mpi;

/// <summary>The MPI implementations that the tests start jobs with.</summary>
public enum MpiKind
{
    /// <summary>Open MPI</summary>
    OpenMpi,
    /// <summary>MPICH</summary>
    Mpich,
}
