namespace Skipwise.Distributed.Mpi;

/// <summary>The binary interfaces of MPI libraries.</summary>
internal enum MpiFamily
{
    /// <summary>handles are addresses of exported objects</summary>
    OpenMpi,
    /// <summary>MPICH, Intel MPI, Cray MPICH, MVAPICH, MS-MPI: handles are 32-bit numbers</summary>
    Mpich,
    /// <summary>the standard interface of MPI 5.0: handles are small numbers of a pointer's size</summary>
    Standard,
}

/// <summary>
/// Values that differ between the binary interfaces. Sources: mpi.h of Open MPI 4 and 5, of MPICH 4 and 5, and of the MPI Forum's
/// mpi-abi-stubs (MPI 5.0, chapter 20).
/// </summary>
/// <param name="World">MPI_COMM_WORLD</param>
/// <param name="ErrorsReturn">MPI_ERRORS_RETURN</param>
/// <param name="InPlace">MPI_IN_PLACE</param>
/// <param name="StatusIgnore">MPI_STATUS_IGNORE</param>
/// <param name="Funneled">MPI_THREAD_FUNNELED</param>
/// <param name="IsInt">whether a handle is a 32-bit number</param>
internal sealed record MpiAbi(
    MpiFamily Family, nint World, nint Byte, nint Float, nint Double, nint Long, nint Sum, nint ErrorsReturn, nint InPlace,
    nint StatusIgnore, int Funneled, bool IsInt)
{
    /// <summary>Values of the MPICH family: an int sign-extended is what a callee reads from the lower half of a register.</summary>
    public static MpiAbi Mpich { get; } = new(MpiFamily.Mpich, World: 0x44000000, Byte: 0x4c00010d, Float: 0x4c00040a,
        Double: 0x4c00080b, Long: 0x4c000809, Sum: 0x58000003, ErrorsReturn: 0x54000001, InPlace: -1, StatusIgnore: 1, Funneled: 1,
        IsInt: true);

    /// <summary>Values of the standard interface.</summary>
    public static MpiAbi Standard { get; } = new(MpiFamily.Standard, World: 0x101, Byte: 0x247, Float: 0x210, Double: 0x214,
        Long: 0x20b, Sum: 0x21, ErrorsReturn: 0x143, InPlace: 1, StatusIgnore: 0, Funneled: 1024,
        IsInt: false);

    /// <summary>Values of Open MPI.</summary>
    /// <param name="export">address of an exported object</param>
    public static MpiAbi OpenMpi(Func<string, nint> export) => new(MpiFamily.OpenMpi, World: export("ompi_mpi_comm_world"),
        Byte: export("ompi_mpi_byte"), Float: export("ompi_mpi_float"), Double: export("ompi_mpi_double"),
        Long: export("ompi_mpi_long_long_int"), Sum: export("ompi_mpi_op_sum"), ErrorsReturn: export("ompi_mpi_errors_return"), InPlace: 1,
        StatusIgnore: 0, Funneled: 1, IsInt: false);
}
