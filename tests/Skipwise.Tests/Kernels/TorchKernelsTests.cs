using Skipwise.Data;
using Skipwise.Kernels;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Tests.Training;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Kernels;

/// <summary>What a GPU would be given to compute, taken on the CPU.</summary>
public class TorchKernelsTests
{
    public static TheoryData<string> Models => [.. ModelsBySetTests.Kinds];

    /// <summary>
    /// On a GPU a backward runs on a thread of libtorch's that has no scope: a backward in C# would make tensors there that nobody frees.
    /// </summary>
    [Theory]
    [MemberData(nameof(Models))]
    public void No_backward_of_ours_runs(string kind) => Assert.Equal(0, MadeByTheBackward(kind, KernelSet.Torch));

    [Fact]
    public void The_CPU_has_backwards_of_ours() => Assert.NotEqual(0, MadeByTheBackward("llama", KernelSet.Cpu));

    /// <returns>tensors that C# makes on a thread that does nothing but go back</returns>
    private static long MadeByTheBackward(string kind, KernelSet set)
    {
        using var scope = NewDisposeScope();
        using CausalLM model = ModelsBySetTests.Create(kind);
        using IDisposable used = KernelSet.Use(set);
        using IDisposable dropout = model.Dropout.ForMicroBatch(3);
        Tensor ids = tensor(TinyModel.Tokens(1, 24).Select(id => (long)id).ToArray()).view(2, 12);
        Tensor loss = model.Logits(ids, arange(12).unsqueeze(0)).sum();
        long made = -1;
        var thread = new Thread(() =>
        {
            loss.backward();
            made = DisposeScopeManager.Statistics.CreatedOutsideScopeCount + DisposeScopeManager.Statistics.CreatedInScopeCount;
        });
        thread.Start();
        thread.Join();
        return made;
    }

    [Theory]
    [InlineData(ScalarType.BFloat16), InlineData(ScalarType.Float16), InlineData(ScalarType.Float32)]
    public void A_run_learns_as_it_does_on_the_CPU(ScalarType dtype)
    {
        var options = new TrainOptions { Steps = 20, BatchSize = 4, LearningRate = 1e-3, Optimizer = OptimizerKind.Adamw8bit };
        double[] Losses()
        {
            using CausalLM model = ModelsBySetTests.Create("sliding");
            using var masters = MasterWeights.Create(model, dtype, CPU, offload: false);
            using var optimizer = Optimizer.Create(model, options, masters);
            return [.. TrainLoop.Run(model, optimizer, new RandomExamples(8, 12, 12), options).Select(step => step.Loss)];
        }
        double[] expected = Losses(), found;
        using (KernelSet.Use(KernelSet.Torch))
        {
            found = Losses();
        }
        Assert.All(expected.Zip(found), pair => Assert.Equal(1, pair.Second / pair.First, dtype == ScalarType.Float32 ? 1e-4 : 1e-2));
    }
}
