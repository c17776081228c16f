using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Training.Optimizers;

/// <summary>
/// AdamW (Loshchilov, Hutter 2019) through libtorch's fused kernel: one call updates every parameter, with gradient clipping
/// folded in. Five times faster here than a loop over parameters. Not part of TorchSharp's interface, so it is reached
/// through TorchScript.
/// </summary>
public class FusedAdamW : Optimizer
{
    private readonly Dictionary<int, Moments> _means;
    private readonly jit.CompilationUnit _kernel;

    /// <param name="masters">of the model; null: its own weights, in float32</param>
    public FusedAdamW(CausalLM model, AdamWOptions options, MasterWeights? masters = null) : this(model, options, masters, _ => true) { }

    /// <param name="keeps">the parameters whose means are kept here; a derived class answers for the others</param>
    private protected FusedAdamW(CausalLM model, AdamWOptions options, MasterWeights? masters, Func<TrainedParameter, bool> keeps) : base(model, options, masters)
    {
        _means = Members.Where(keeps).ToDictionary(member => member.Index, member => new Moments(
            CreateState(() => zeros_like(member.Weight)), CreateState(() => zeros_like(member.Weight)), CreateState(() => zeros([], ScalarType.Float32, member.Weight.device))));
        string Update(string name, double decay) => $"""
            def {name}(w: List[Tensor], g: List[Tensor], m: List[Tensor], v: List[Tensor], t: List[Tensor], lr: Tensor, scale: Tensor, inf: Tensor):
                torch._foreach_add_(t, 1)
                e: List[Tensor] = []
                torch._fused_adamw_(w, g, m, v, e, t, lr=lr, beta1={ScriptLiteral(options.Beta1)}, beta2={ScriptLiteral(options.Beta2)}, weight_decay={ScriptLiteral(decay)}, eps={ScriptLiteral(options.Eps)}, amsgrad=False, maximize=False, grad_scale=scale, found_inf=inf)

            """;
        _kernel = jit.compile(Update("decay", options.WeightDecay) + Update("stay", 0));
    }

    public override IEnumerable<(string Name, Tensor Value)> State() =>
        from kind in ((string Name, Func<Moments, Tensor> Of)[])[("exp_avg", means => means.First), ("exp_avg_sq", means => means.Second)]
        from member in Members
        where _means.ContainsKey(member.Index)
        select ($"{kind.Name}.{member.Name}", kind.Of(_means[member.Index]));

    private protected override void Apply(TrainedParameter[] members, Tensor[] gradients, GroupStep pace)
    {
        if (members.Length == 0)
        {
            return;
        }
        Device device = members[0].Weight.device;
        Tensor Filled(double value) => full([], value, ScalarType.Float32, device); // on the device, without a copy that the host would wait for
        Tensor[] Of(Func<Moments, Tensor> of) => [.. members.Select(member => of(_means[member.Index]))];
        Tensor[] weights = [.. members.Select(member => member.Weight)];
        _kernel.invoke(pace.WeightDecay != 0 ? "decay" : "stay", weights, gradients, Of(m => m.First), Of(m => m.Second), Of(m => m.Count), Filled(pace.LearningRate), Filled(1 / pace.GradientScale), Filled(0)); // the kernel divides
    }

    private protected override void OnResume()
    {
        foreach (Moments means in _means.Values)
        {
            means.Count.fill_(StepCount);
        }
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        foreach (Moments means in _means.Values)
        {
            means.Count.Dispose();
        }
        _kernel.Dispose();
    }

    /// <param name="First">of the gradient</param>
    /// <param name="Second">of its square</param>
    /// <param name="Count">steps, where the kernel wants them</param>
    private sealed record Moments(Tensor First, Tensor Second, Tensor Count);
}
