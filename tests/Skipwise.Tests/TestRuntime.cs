using System.Runtime.CompilerServices;
using Skipwise.Runtime;

namespace Skipwise.Tests;

internal static class TestRuntime
{
    /// <summary>A test that names TorchSharp first would otherwise load it before Skipwise prepared the machine.</summary>
    [ModuleInitializer]
    internal static void Boot()
    {
#if HUGGING_FACE
        Tokenizers.HuggingFace.HuggingFaceLibrary.ServeIfAsked();
#endif
        TorchRuntime.EnsureLoaded();
        TorchSharp.torch.set_num_threads(1); // tests run in parallel; small tensors gain nothing from a second thread
        System.Globalization.CultureInfo.DefaultThreadCurrentCulture = System.Globalization.CultureInfo.InvariantCulture;
    }
}
