using System.Runtime.InteropServices;
using System.Text;

namespace Skipwise.Distributed.Mpi;

/// <summary>
/// The C interface of an MPI library. Which of the three binary interfaces it has is decided by its exports, never by its name. All calls
/// are made by one thread, that which called <see cref="Initialize"/>; only <see cref="Abort"/> may come from another.
/// </summary>
internal sealed unsafe class MpiLibrary
{
    private const int VersionLength = 8192, ErrorLength = 512; // the largest of the three interfaces
    private readonly nint _handle;

    private MpiLibrary(nint handle, string path)
    {
        (_handle, Path) = (handle, path);
        Abi = HasStandardAbi() ? MpiAbi.Standard
            : NativeLibrary.TryGetExport(handle, "ompi_mpi_comm_world", out _) ? MpiAbi.OpenMpi(Export)
            : MpiAbi.Mpich;
    }

    /// <summary>The name that it was loaded by.</summary>
    public string Path { get; }

    /// <summary>Its values of handles and constants.</summary>
    public MpiAbi Abi { get; }

    /// <summary>Loads a library.</summary>
    /// <returns>null if it cannot be loaded, or is no MPI library</returns>
    public static MpiLibrary? TryLoad(string path) =>
        NativeLibrary.TryLoad(path, out nint handle) && NativeLibrary.TryGetExport(handle, "MPI_Init_thread", out _)
            ? new MpiLibrary(handle, path)
            : null;

    /// <summary>Starts MPI. The thread that calls it makes all other calls.</summary>
    public void Initialize()
    {
        int provided;
        Check(((delegate* unmanaged[Cdecl]<int*, byte***, int, int*, int>)Export("MPI_Init_thread"))(null, null, Abi.Funneled, &provided),
            "MPI_Init_thread");
        Check(((delegate* unmanaged[Cdecl]<nint, nint, int>)Export("MPI_Comm_set_errhandler"))(Abi.World, Abi.ErrorsReturn),
            "MPI_Comm_set_errhandler");
        if (provided < Abi.Funneled)
        {
            throw new SkipwiseException($"{Path}: this MPI library was built without threads (MPI_THREAD_FUNNELED). Use another build.");
        }
    }

    /// <summary>Ends MPI; waits for the other ranks.</summary>
    public void Finish() => Check(((delegate* unmanaged[Cdecl]<int>)Export("MPI_Finalize"))(), "MPI_Finalize");

    /// <summary>Number of this process among all.</summary>
    public int Rank() => Ask("MPI_Comm_rank");

    /// <summary>Number of processes.</summary>
    public int Size() => Ask("MPI_Comm_size");

    /// <summary>The library's own name and version, one line.</summary>
    public string Version()
    {
        byte* text = stackalloc byte[VersionLength];
        int length;
        Check(((delegate* unmanaged[Cdecl]<byte*, int*, int>)Export("MPI_Get_library_version"))(text, &length), "MPI_Get_library_version");
        string all = Encoding.UTF8.GetString(text, Math.Clamp(length, 0, VersionLength)).TrimEnd('\0');
        string line = all.Split(',', '\n')[0].Replace("Version:", "", StringComparison.Ordinal);
        return string.Join(' ', line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>Ends all processes of the job.</summary>
    public void Abort(int exitCode) => _ = ((delegate* unmanaged[Cdecl]<nint, int, int>)Export("MPI_Abort"))(Abi.World, exitCode);

    // Each of these begins an operation; the request is a slot of 8 bytes, of which an interface with 32-bit handles uses the lower half.

    /// <summary>MPI_Ibcast on <paramref name="count"/> elements.</summary>
    public void Broadcast(nint buffer, int count, nint type, int root, nint* request) => Check(
        ((delegate* unmanaged[Cdecl]<nint, int, nint, int, nint, nint*, int>)Export("MPI_Ibcast"))(
            buffer, count, type, root, Abi.World, request), "MPI_Ibcast");

    /// <summary>MPI_Iallreduce in place, MPI_SUM.</summary>
    public void AllReduce(nint buffer, int count, nint type, nint* request) => Check(
        ((delegate* unmanaged[Cdecl]<nint, nint, int, nint, nint, nint, nint*, int>)Export("MPI_Iallreduce"))(
            Abi.InPlace, buffer, count, type, Abi.Sum, Abi.World, request), "MPI_Iallreduce");

    /// <summary>MPI_Ireduce_scatter_block, MPI_SUM.</summary>
    /// <param name="count">elements of the output</param>
    public void ReduceScatter(nint input, nint output, int count, nint type, nint* request) => Check(
        ((delegate* unmanaged[Cdecl]<nint, nint, int, nint, nint, nint, nint*, int>)Export("MPI_Ireduce_scatter_block"))(
            input, output, count, type, Abi.Sum, Abi.World, request), "MPI_Ireduce_scatter_block");

    /// <summary>MPI_Iallgather.</summary>
    /// <param name="input">null: this rank's part of the output</param>
    /// <param name="count">elements of one rank</param>
    public void AllGather(nint? input, nint output, int count, nint type, nint* request) => Check(
        ((delegate* unmanaged[Cdecl]<nint, int, nint, nint, int, nint, nint, nint*, int>)Export("MPI_Iallgather"))(
            input ?? Abi.InPlace, count, type, output, count, type, Abi.World, request), "MPI_Iallgather");

    /// <summary>MPI_Ibarrier.</summary>
    public void Barrier(nint* request) =>
        Check(((delegate* unmanaged[Cdecl]<nint, nint*, int>)Export("MPI_Ibarrier"))(Abi.World, request), "MPI_Ibarrier");

    /// <summary>MPI_Isend of bytes.</summary>
    public void Send(nint buffer, int bytes, int rank, int tag, nint* request) => Check(
        ((delegate* unmanaged[Cdecl]<nint, int, nint, int, int, nint, nint*, int>)Export("MPI_Isend"))(
            buffer, bytes, Abi.Byte, rank, tag, Abi.World, request), "MPI_Isend");

    /// <summary>MPI_Irecv of bytes.</summary>
    public void Receive(nint buffer, int bytes, int rank, int tag, nint* request) => Check(
        ((delegate* unmanaged[Cdecl]<nint, int, nint, int, int, nint, nint*, int>)Export("MPI_Irecv"))(
            buffer, bytes, Abi.Byte, rank, tag, Abi.World, request), "MPI_Irecv");

    /// <summary>MPI_Test: moves all operations on, and says whether this one has ended.</summary>
    public bool Test(nint* request)
    {
        int done;
        Check(((delegate* unmanaged[Cdecl]<nint*, int*, nint, int>)Export("MPI_Test"))(request, &done, Abi.StatusIgnore), "MPI_Test");
        return done != 0;
    }

    /// <summary>A library that keeps an interface of its own may have the function too; it then tells -1.</summary>
    private bool HasStandardAbi()
    {
        int major = -1, minor = -1;
        return NativeLibrary.TryGetExport(_handle, "MPI_Abi_get_version", out nint version) // may be called before MPI_Init
            && ((delegate* unmanaged[Cdecl]<int*, int*, int>)version)(&major, &minor) == 0 && major > 0;
    }

    private int Ask(string function)
    {
        int value;
        Check(((delegate* unmanaged[Cdecl]<nint, int*, int>)Export(function))(Abi.World, &value), function);
        return value;
    }

    private readonly Dictionary<string, nint> _exports = [];

    private nint Export(string name)
    {
        lock (_exports)
        {
            if (!_exports.TryGetValue(name, out nint address))
            {
                _exports[name] = address = NativeLibrary.TryGetExport(_handle, name, out nint found)
                    ? found
                    : throw new SkipwiseException($"{Path}: this MPI library has no {name}: it is older than MPI 3.1. Use a newer one.");
            }
            return address;
        }
    }

    private void Check(int code, string function)
    {
        if (code == 0)
        {
            return;
        }
        byte* text = stackalloc byte[ErrorLength];
        int length = 0;
        string reason = ((delegate* unmanaged[Cdecl]<int, byte*, int*, int>)Export("MPI_Error_string"))(code, text, &length) == 0
            ? Encoding.UTF8.GetString(text, Math.Clamp(length, 0, ErrorLength)).Trim()
            : FormattableString.Invariant($"error {code}");
        throw new SkipwiseException($"{function}: {reason}");
    }
}
