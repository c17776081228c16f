using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Skipwise.Distributed;
using Skipwise.Distributed.Nccl;
using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Distributed.Nccl;

/// <summary>
/// A library of the test's own with NCCL's functions and the CUDA driver's (fixtures/nccl/fake_nccl.c), whose devices compute in the
/// host's memory. Tensors of the CPU are the device's, unless a test says that they are the host's.
/// </summary>
internal sealed unsafe class FakeNccl : IDisposable
{
    public static readonly TimeSpan Long = TimeSpan.FromMinutes(2);

    private static readonly Lazy<byte[]?> s_compiled = new(Compile);
    private readonly TempFolder _folder = new();
    private readonly nint _handle;

    public FakeNccl()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "NCCL is for Linux");
        Assert.SkipWhen(s_compiled.Value is null, "no C compiler (cc) is installed");
        Path = _folder.Write("libfake.so", s_compiled.Value!); // each test has the state of a library of its own
        _handle = NativeLibrary.Load(Path);
    }

    public string Path { get; }

    public NcclLibrary Library => NcclLibrary.Load(Path)!;

    public CudaDriver Cuda => new(0, Path);

    public string[] Log
    {
        get
        {
            var text = new byte[1 << 20];
            fixed (byte* start = text)
            {
                int length = ((delegate* unmanaged<byte*, int, int>)NativeLibrary.GetExport(_handle, "fake_log"))(start, text.Length);
                return Encoding.UTF8.GetString(text, 0, length).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            }
        }
    }

    /// <summary>What fake_set of the C file lists.</summary>
    public int this[string name]
    {
        get
        {
            fixed (byte* text = Encoding.UTF8.GetBytes(name + '\0'))
            {
                return ((delegate* unmanaged<byte*, int>)NativeLibrary.GetExport(_handle, "fake_get"))(text);
            }
        }
        set
        {
            fixed (byte* text = Encoding.UTF8.GetBytes(name + '\0'))
            {
                ((delegate* unmanaged<byte*, int, void>)NativeLibrary.GetExport(_handle, "fake_set"))(text, value);
            }
        }
    }

    /// <summary>One rank, without a collective of its own for host tensors if none is given.</summary>
    /// <param name="isOnDevice">whether a tensor is the device's; null: all are</param>
    public NcclCollective Rank(
        int rank = 0, int size = 1, TimeSpan? patience = null, ICollective? control = null, Func<Tensor, bool>? isOnDevice = null) => new(
            Library, Cuda, CPU, new RankPlace(rank, size, rank, size), Library.CreateId(), patience ?? Long, control,
            isOnDevice ?? (_ => true));

    /// <summary>The same work on every rank, each a thread.</summary>
    public void OnRanks(int size, Action<NcclCollective> work) => OnRanks(size, rank => Rank(rank, size), work);

    public static void OnRanks(int size, Func<int, NcclCollective> join, Action<NcclCollective> work) =>
        Task.WaitAll([.. Enumerable.Range(0, size).Select(rank => Task.Factory.StartNew(
            () =>
            {
                using var scope = NewDisposeScope();
                using NcclCollective collective = join(rank);
                work(collective);
            }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))]);

    /// <summary>Waits as stream 0 does, which is the host here.</summary>
    public static void Settle(ICollectiveHandle handle)
    {
        handle.Wait();
        Assert.True(SpinWait.SpinUntil(() => handle.IsCompleted, Long));
        handle.Wait();
    }

    public void Dispose() => _folder.Dispose();

    private static byte[]? Compile()
    {
        using var folder = new TempFolder();
        var start = new ProcessStartInfo("cc")
        {
            ArgumentList = { "-shared", "-fPIC", "-O1", "-o", folder["fake.so"], Fixture.Path("nccl", "fake_nccl.c"), "-lpthread", "-lm" },
        };
        try
        {
            (int code, string output, string error) = ChildProcess.Run(start);
            Assert.True(code == 0, output + error);
            return File.ReadAllBytes(folder["fake.so"]);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
