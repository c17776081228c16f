using System.Runtime.InteropServices;

namespace Skipwise.Distributed.Nccl;

/// <summary>Element types, by NCCL's numbers.</summary>
internal enum NcclType
{
    /// <summary>what is moved and not added up</summary>
    Byte = 1,
    Int64 = 4,
    Float16 = 6,
    Float32 = 7,
    Float64 = 8,
    BFloat16 = 9,
}

/// <summary>
/// The C interface of NCCL (nccl.h). Operations return its codes, for they may still be in progress; the other functions throw.
/// </summary>
internal sealed unsafe class NcclLibrary
{
    /// <summary>Environment variable that names the library.</summary>
    public const string PathVariable = "SKIPWISE_NCCL";

    /// <summary>ncclSuccess</summary>
    public const int Success = 0;

    /// <summary>ncclInProgress: ask <see cref="State"/> until it is another</summary>
    public const int InProgress = 7;

    private const string Name = "libnccl.so.2";
    private const string Remedy = "Install one (pip: nvidia-nccl-cu12; Debian and Ubuntu: libnccl2), or name one by the environment "
        + $"variable {PathVariable}.";
    private const int OldestVersion = 21400, Sum = 0; // the first version with communicators that do not block
    private readonly nint _handle;
    private readonly string _path;

    private NcclLibrary(nint handle, string path)
    {
        (_handle, _path) = (handle, path);
        int version;
        Check(((delegate* unmanaged[Cdecl]<int*, int>)Export("ncclGetVersion"))(&version), "ncclGetVersion");
        string number = FormattableString.Invariant($"{version / 10000}.{version / 100 % 100}.{version % 100}");
        Version = version >= OldestVersion ? number : throw new SkipwiseException(
            $"{path} is NCCL {number}, which is older than 2.14. {Remedy}");
    }

    /// <summary>Its number, such as 2.27.5.</summary>
    public string Version { get; }

    /// <summary>
    /// Loads the library that <see cref="PathVariable"/> names, or the one that libtorch has loaded, or the system's.
    /// </summary>
    /// <exception cref="SkipwiseException">there is none; says which package has it</exception>
    public static NcclLibrary Load()
    {
        string? named = Environment.GetEnvironmentVariable(PathVariable) is { Length: > 0 } path ? path : null;
        return Load(named ?? Name) ?? throw new SkipwiseException(named is null
            ? $"NCCL ({Name}) is not found. {Remedy}"
            : $"{PathVariable}={named}: no NCCL can be loaded from there. Give the path of {Name}, or leave the variable out.");
    }

    /// <returns>null if it cannot be loaded, or is no NCCL</returns>
    internal static NcclLibrary? Load(string path) =>
        NativeLibrary.TryLoad(path, out nint handle) && NativeLibrary.TryGetExport(handle, "ncclCommInitRankConfig", out _)
            ? new NcclLibrary(handle, path)
            : null;

    /// <summary>What the ranks of one communicator have in common. A rank that asks for it listens for the others.</summary>
    public UniqueId CreateId()
    {
        UniqueId id;
        Check(((delegate* unmanaged[Cdecl]<UniqueId*, int>)Export("ncclGetUniqueId"))(&id), "ncclGetUniqueId");
        return id;
    }

    /// <summary>Begins a communicator on this thread's device, one that does not block.</summary>
    /// <param name="communicator">receives its handle; some versions write it again when it is ready</param>
    public int Begin(nint* communicator, int size, UniqueId id, int rank)
    {
        var config = new Config { Size = (nuint)sizeof(Config), Magic = 0xcafebeef, Version = OldestVersion, IsBlocking = 0 };
        return ((delegate* unmanaged[Cdecl]<nint*, int, UniqueId, int, Config*, int>)Export("ncclCommInitRankConfig"))(
            communicator, size, id, rank, &config);
    }

    /// <summary>ncclCommGetAsyncError: whether what was begun is in progress, or why it failed. Any thread may ask.</summary>
    public int State(nint communicator)
    {
        int state;
        int result = ((delegate* unmanaged[Cdecl]<nint, int*, int>)Export("ncclCommGetAsyncError"))(communicator, &state);
        return result == Success ? state : result;
    }

    public int Broadcast(nint from, nint to, long bytes, int root, nint communicator, nint stream) =>
        ((delegate* unmanaged[Cdecl]<nint, nint, nuint, NcclType, int, nint, nint, int>)Export("ncclBroadcast"))(
            from, to, (nuint)bytes, NcclType.Byte, root, communicator, stream);

    public int AllReduce(nint from, nint to, long count, NcclType type, nint communicator, nint stream) =>
        ((delegate* unmanaged[Cdecl]<nint, nint, nuint, NcclType, int, nint, nint, int>)Export("ncclAllReduce"))(
            from, to, (nuint)count, type, Sum, communicator, stream);

    /// <param name="count">elements of the output</param>
    public int ReduceScatter(nint from, nint to, long count, NcclType type, nint communicator, nint stream) =>
        ((delegate* unmanaged[Cdecl]<nint, nint, nuint, NcclType, int, nint, nint, int>)Export("ncclReduceScatter"))(
            from, to, (nuint)count, type, Sum, communicator, stream);

    /// <param name="bytes">of the input</param>
    public int AllGather(nint from, nint to, long bytes, nint communicator, nint stream) =>
        ((delegate* unmanaged[Cdecl]<nint, nint, nuint, NcclType, nint, nint, int>)Export("ncclAllGather"))(
            from, to, (nuint)bytes, NcclType.Byte, communicator, stream);

    /// <summary>Begins the end of a communicator, in which all ranks take part.</summary>
    public int Finalize(nint communicator) => ((delegate* unmanaged[Cdecl]<nint, int>)Export("ncclCommFinalize"))(communicator);

    /// <summary>Frees a communicator that has ended.</summary>
    public void Destroy(nint communicator) => _ = ((delegate* unmanaged[Cdecl]<nint, int>)Export("ncclCommDestroy"))(communicator);

    /// <summary>Ends what a communicator does on the device, and frees it: no call may follow.</summary>
    public void Abort(nint communicator) => _ = ((delegate* unmanaged[Cdecl]<nint, int>)Export("ncclCommAbort"))(communicator);

    /// <exception cref="SkipwiseException">the code is none of success</exception>
    public void Check(int result, string function)
    {
        if (result != Success)
        {
            throw new SkipwiseException($"{function}: {Explain(result)}");
        }
    }

    /// <summary>A code in NCCL's words, with its last warning.</summary>
    private string Explain(int result)
    {
        string? meaning = Marshal.PtrToStringUTF8(((delegate* unmanaged[Cdecl]<int, nint>)Export("ncclGetErrorString"))(result));
        string? warning = Marshal.PtrToStringUTF8(((delegate* unmanaged[Cdecl]<nint, nint>)Export("ncclGetLastError"))(0));
        return string.IsNullOrWhiteSpace(warning) ? $"{meaning}" : $"{meaning}: {warning.Trim()}";
    }

    private nint Export(string name) => NativeLibrary.TryGetExport(_handle, name, out nint address)
        ? address
        : throw new SkipwiseException($"{_path} has no {name}. Install NCCL 2.14 or newer.");

    /// <summary>ncclUniqueId, which is passed by value.</summary>
    public struct UniqueId
    {
        public const int Length = 128;
        private fixed byte _bytes[Length];

        public UniqueId(ReadOnlySpan<byte> bytes)
        {
            fixed (byte* start = _bytes)
            {
                bytes[..Length].CopyTo(new Span<byte>(start, Length));
            }
        }

        public readonly byte[] ToArray()
        {
            fixed (byte* start = _bytes)
            {
                return new ReadOnlySpan<byte>(start, Length).ToArray();
            }
        }
    }

    /// <summary>ncclConfig_t as of 2.14: a newer library fills in what it has more.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 24)]
    private struct Config
    {
        public nuint Size;
        public uint Magic, Version;
        public int IsBlocking;
    }
}
