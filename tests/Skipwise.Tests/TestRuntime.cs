using System.Runtime.CompilerServices;
using Skipwise.Runtime;
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
        if (Environment.GetEnvironmentVariable("SNAPSHOOTER_STRICT_MODE") is null)
        {
            Environment.SetEnvironmentVariable("SNAPSHOOTER_STRICT_MODE", "on"); // a missing snapshot is a failure
        }
        TorchRuntime.Initialize(TorchRuntimeOptions.All);
        UseOneThread(); // tests run in parallel; small tensors gain nothing from a second thread
        System.Globalization.CultureInfo.DefaultThreadCurrentCulture = System.Globalization.CultureInfo.InvariantCulture;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void UseOneThread() => TorchSharp.torch.set_num_threads(1);
}
