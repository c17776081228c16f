using System.Runtime.CompilerServices;
using Skipwise.Runtime;
using Skipwise.Tests.Distributed.Mpi;
using Skipwise.Tests.Runtime;

namespace Skipwise.Tests;

internal static class TestRuntime
{
    /// <summary>The tests compute as the tool does. Names no type of TorchSharp: that would load libtorch before the first line.</summary>
    [ModuleInitializer]
    internal static void Boot()
    {
#if HUGGING_FACE
        Tokenizers.HuggingFace.HuggingFaceLibrary.ServeIfAsked();
#endif
        HostProcess.ServeIfAsked();
        RankProcess.ServeIfAsked();
        Environment.SetEnvironmentVariable("SNAPSHOOTER_STRICT_MODE",
            Environment.GetEnvironmentVariable("SNAPSHOOTER_STRICT_MODE") ?? "on"); // a missing snapshot is a failure
        // A thread takes over set_num_threads at its first parallel loop only; a product before it would use all cores and round otherwise.
        // .NET has its own copy of the environment by now, so child processes are as a user starts them.
        if (!OperatingSystem.IsWindows())
        {
            ProcessEnvironment.SetDefault("OMP_NUM_THREADS", "1");
            ProcessEnvironment.SetDefault("MKL_NUM_THREADS", "1");
        }
        TorchRuntime.Initialize(TorchRuntimeOptions.All);
        UseOneThread(); // tests run in parallel; small tensors gain nothing from a second thread
        System.Globalization.CultureInfo.DefaultThreadCurrentCulture = System.Globalization.CultureInfo.InvariantCulture;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void UseOneThread() => TorchSharp.torch.set_num_threads(1);
}
