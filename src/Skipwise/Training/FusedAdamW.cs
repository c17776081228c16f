using System.Globalization;
using Skipwise.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Training;

/// <param name="Beta1">decay of the gradient's running mean</param>
/// <param name="Beta2">decay of the squared gradient's running mean</param>
/// <param name="Eps">added to the root in the denominator</param>
/// <param name="WeightDecay">decoupled decay of matrices; norms and biases never decay</param>
public sealed record AdamWOptions(double Beta1 = 0.9, double Beta2 = 0.999, double Eps = 1e-8, double WeightDecay = 0)
{
    /// <summary>how much faster or slower than the schedule a group of parameters learns</summary>
    public LearningRateScales Scales { get; init; } = new();
}

/// <summary>
/// AdamW (Loshchilov, Hutter 2019) through libtorch's fused kernel: one call updates every parameter, with gradient clipping
/// folded in. Five times faster here than a loop over parameters. Not part of TorchSharp's interface, so it is reached
/// through TorchScript.
/// </summary>
public sealed class FusedAdamW : IDisposable
{
    private readonly string[] _names;
    private readonly Tensor[] _weights; // detached aliases: updating them in place is no autograd operation
    private readonly Parameter[] _parameters;
    private readonly Tensor[] _means, _squares, _counts;
    private readonly (int[] Members, bool Decays, double Scale)[] _groups; // parameters by what they share
    private readonly jit.CompilationUnit _kernel;
    private readonly Device _device;

    public FusedAdamW(CausalLM model, AdamWOptions options)
    {
        using var _ = no_grad();
        var trainable = model.named_parameters().Where(p => p.parameter.requires_grad).ToArray();
        _names = [.. trainable.Select(p => p.name)];
        _parameters = [.. trainable.Select(p => p.parameter)];
        _weights = [.. _parameters.Select(p => p.detach().DetachFromDisposeScope())];
        _means = [.. _weights.Select(w => zeros_like(w).DetachFromDisposeScope())];
        _squares = [.. _weights.Select(w => zeros_like(w).DetachFromDisposeScope())];
        _device = model.Device;
        _counts = [.. _weights.Select(_ => zeros([], ScalarType.Float32, _device).DetachFromDisposeScope())];
        _groups =
        [
            .. Enumerable.Range(0, _weights.Length)
                .GroupBy(i => (Decays: _weights[i].dim() >= 2, Scale: options.Scales.Of(_names[i])))
                .Select(group => (group.ToArray(), group.Key.Decays, group.Key.Scale)),
        ];
        // Constants are written into the script: TorchSharp boxes number arguments in temporaries that the collector may take too early.
        string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture) is var text && text.Contains('E', StringComparison.Ordinal) || text.Contains('.', StringComparison.Ordinal) ? text : text + ".0";
        string Update(string name, double decay) => $"""
            def {name}(w: List[Tensor], g: List[Tensor], m: List[Tensor], v: List[Tensor], t: List[Tensor], lr: Tensor, scale: Tensor, inf: Tensor):
                torch._foreach_add_(t, 1)
                e: List[Tensor] = []
                torch._fused_adamw_(w, g, m, v, e, t, lr=lr, beta1={Number(options.Beta1)}, beta2={Number(options.Beta2)}, weight_decay={Number(decay)}, eps={Number(options.Eps)}, amsgrad=False, maximize=False, grad_scale=scale, found_inf=inf)

            """;
        _kernel = jit.compile(Update("update_0", options.WeightDecay) + Update("update_1", 0) + """
            def norm(g: List[Tensor]):
                return torch.linalg_vector_norm(torch.stack(torch._foreach_norm(g)))

            """);
    }

    /// <summary>optimizer steps taken</summary>
    public int Steps { get; private set; }

    /// <summary>Clips the gradients' common norm to <paramref name="maxGradNorm"/>, updates every parameter, and clears the gradients.</summary>
    /// <returns>the norm before clipping; when it is not finite nothing has been updated</returns>
    public double Step(double learningRate, double maxGradNorm)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        Tensor[] gradients = [.. _parameters.Select((p, i) => p.grad ?? zeros_like(_weights[i]))];
        double norm = ((Tensor)_kernel.invoke("norm", (object)gradients)).ToDouble();
        if (double.IsFinite(norm))
        {
            double clip = maxGradNorm > 0 ? Math.Min(1, maxGradNorm / (norm + 1e-6)) : 1;
            Tensor scale = tensor((float)(1 / clip), device: _device); // the kernel divides by it
            Tensor overflow = zeros([], ScalarType.Float32, _device);
            foreach ((int[] members, bool decays, double faster) in _groups)
            {
                Tensor[] Of(Tensor[] all) => [.. members.Select(i => all[i])];
                Tensor rate = tensor((float)(learningRate * faster), device: _device);
                _kernel.invoke(decays ? "update_0" : "update_1", Of(_weights), Of(gradients), Of(_means), Of(_squares), Of(_counts), rate, scale, overflow);
            }
            Steps++;
        }
        foreach (Parameter parameter in _parameters)
        {
            parameter.grad = null;
        }
        return norm;
    }

    /// <summary>Running means by parameter name, to save; valid while the optimizer lives.</summary>
    public IEnumerable<(string Name, Tensor Value)> State() =>
        _names.Select((name, i) => ($"exp_avg.{name}", _means[i])).Concat(_names.Select((name, i) => ($"exp_avg_sq.{name}", _squares[i])));

    /// <summary>Continues after <paramref name="steps"/> steps whose means have been copied into <see cref="State"/>'s tensors.</summary>
    public void Resume(int steps)
    {
        using var _ = no_grad();
        Steps = steps;
        foreach (Tensor count in _counts)
        {
            count.fill_(steps);
        }
    }

    public void Dispose()
    {
        foreach (Tensor tensor in _weights.Concat(_means).Concat(_squares).Concat(_counts))
        {
            tensor.Dispose();
        }
        _kernel.Dispose();
    }
}
