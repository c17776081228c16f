using Skipwise.Checkpoints;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Training;

namespace Skipwise.Recipes;

/// <summary>The run whose cost is asked for.</summary>
public sealed record EstimateOptions
{
    /// <summary>Hugging Face folder of the base model</summary>
    public required string Model { get; init; }
    /// <summary>Lt, the window to reach, in tokens</summary>
    public required int TargetLength { get; init; }
    /// <summary>Lc, tokens per training window; null takes the model's own window</summary>
    public int? TrainLength { get; init; }
    /// <summary>windows per forward</summary>
    public int BatchSize { get; init; } = new TrainOptions().BatchSize;
    /// <summary>forwards per optimizer step</summary>
    public int GradientAccumulation { get; init; } = 1;
    public LoraOptions Lora { get; init; } = new();
    public RopeOverrides Rope { get; init; } = new();
    /// <summary>bytes that a run may take; null takes what the machine has</summary>
    public long? Memory { get; init; }
    /// <summary>the longest sequence that is tried; longer ones follow by the formula</summary>
    public int ProbeTokens { get; init; } = 2048;
}

/// <summary>Memory of a step, in bytes.</summary>
/// <param name="Process">the program itself, libtorch and all</param>
/// <param name="Weights">parameters, frozen and packed ones too</param>
/// <param name="Gradients">of what is trained</param>
/// <param name="Optimizer">AdamW's two means</param>
/// <param name="Activations">what the forward keeps for the backward, and what a layer needs while it is computed</param>
/// <param name="Logits">one chunk of scores with its gradient</param>
/// <param name="Peak">not the sum: activations have gone before the last gradients come</param>
public sealed record MemoryEstimate(long Process, long Weights, long Gradients, long Optimizer, long Activations, long Logits, long Peak);

/// <summary>What one way of training costs.</summary>
/// <param name="Training">pose or full</param>
/// <param name="BatchSize">sequences per forward</param>
/// <param name="Length">tokens per sequence</param>
/// <param name="SecondsPerStep">on the clock, of this machine as busy as it was</param>
/// <param name="CpuSecondsPerStep">of all threads</param>
/// <param name="LargestBatch">the most sequences per forward that the memory holds; 0 when not even one</param>
public sealed record StepEstimate(string Training, int BatchSize, int Length, MemoryEstimate Memory, double SecondsPerStep, double CpuSecondsPerStep, int LargestBatch);

/// <summary>PoSE beside full-length training at the target.</summary>
/// <param name="AvailableMemory">bytes that the largest batches were sought for</param>
public sealed record CostEstimate(long AvailableMemory, StepEstimate Pose, StepEstimate Full);

/// <summary>Tells what a run will cost before it runs: a few short steps are measured, the rest follows from how costs grow.</summary>
public static class Estimate
{
    private const int BytesPerWeight = 4;
    private const int ScoreCopies = 3; // scores, their logarithm, their gradient

    /// <exception cref="SkipwiseException">a model that cannot be read, or a setting out of range</exception>
    public static CostEstimate Run(EstimateOptions options, IProgress<string>? note = null)
    {
        Validate(options);
        var fineTune = new FineTuneOptions { Model = options.Model, Data = new DataOptions { Paths = [] }, Out = "", TargetLength = options.TargetLength, TrainLength = options.TrainLength, Rope = options.Rope };
        note?.Report("loading the model");
        using Pretrained pretrained = FineTune.Load(fineTune);
        CausalLM model = pretrained.Model;
        if (options.Lora.IsAsked)
        {
            Adaptation.Apply(model, options.Lora, seed: 0);
        }
        int trainLength = options.TrainLength ?? options.Rope.OriginalLength ?? ContextExtension.OriginalLength(pretrained.Config.Model);
        note?.Report("measuring a few steps");
        var costs = StepCosts.Measure(model, Math.Min(trainLength, options.ProbeTokens / 2), Math.Min(options.TargetLength, options.ProbeTokens));
        long memory = options.Memory ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        StepEstimate Of(string training, int batch, int length)
        {
            int largest = 0;
            for (int step = 1 << 20; step > 0; step /= 2) // the peak rises with the batch
            {
                largest += costs.Memory(largest + step, length).Peak <= memory ? step : 0;
            }
            return new(training, batch, length, costs.Memory(batch, length), costs.Seconds(batch, length, options.GradientAccumulation), costs.CpuSeconds(batch, length, options.GradientAccumulation), largest);
        }
        return new(memory, Of("pose", options.BatchSize, trainLength), Of("full", options.BatchSize, options.TargetLength));
    }

    private static void Validate(EstimateOptions options)
    {
        options.Lora.Validate();
        var problems = new List<string>();
        if (options.BatchSize < 1) { problems.Add($"--batch-size is {options.BatchSize}; it must be at least 1"); }
        if (options.GradientAccumulation < 1) { problems.Add($"--gradient-accumulation is {options.GradientAccumulation}; it must be at least 1"); }
        if (options.TrainLength < 8) { problems.Add($"--train-length is {options.TrainLength}; it must be at least 8"); }
        if (options.ProbeTokens < 64) { problems.Add($"--probe-tokens is {options.ProbeTokens}; it must be at least 64"); }
        if (options.Memory <= 0) { problems.Add("--memory must be above 0"); }
        if (problems.Count > 0)
        {
            throw new SkipwiseException($"Estimate: {string.Join("; ", problems)}.");
        }
    }

    /// <summary>How a model's costs grow with the batch and the length.</summary>
    /// <remarks>
    /// Time of a micro-batch: a call's own cost + batch * (per token * length + per pair * length^2). Memory: what is there always +
    /// max(activations per token * tokens + a chunk of scores, gradients); attention is fused, so that nothing grows with length^2.
    /// </remarks>
    private sealed record StepCosts(
        DecoderConfig Config, long Process, long Weights, long Trained, double KeptPerToken, double PassingPerToken,
        (double Call, double PerToken, double PerPair) Clock, (double Call, double PerToken, double PerPair) Cpu, (double Seconds, double CpuSeconds) Update)
    {
        public static StepCosts Measure(CausalLM model, int shortLength, int longLength)
        {
            long trained = model.parameters().Where(p => p.requires_grad).Sum(p => p.numel()) * BytesPerWeight;
            long weights = (model.parameters().Sum(p => p.numel()) * BytesPerWeight) + Adaptation.PackedBytes(model);
            var probe = new StepProbe(model);
            (double, double) update;
            using (var optimizer = new FusedAdamW(model, new AdamWOptions()))
            {
                update = StepProbe.Update(optimizer);
            }
            ProbedStep one = probe.Measure(1, shortLength), two = probe.Measure(2, shortLength);
            ProbedStep wide = longLength > 2 * shortLength ? probe.Measure(1, longLength) : two;
            long process = Math.Max(0, StepProbe.ResidentBytes() - StepProbe.HeapBytes() - FreeBytes(wide, one, two));
            double kept = (double)(wide.Activations - one.Activations) / (wide.Tokens - one.Tokens);
            var costs = new StepCosts(model.Config, process, weights, trained, kept, 0, Fit(one, two, wide, p => p.Seconds), Fit(one, two, wide, p => p.CpuSeconds), update);
            // What a layer or the loss needs for a moment shows in the peak, above what the formula says.
            long formula = Math.Max((long)(kept * wide.Tokens) + costs.Logits(wide.Tokens), trained);
            return costs with { PassingPerToken = Math.Max(0.0, wide.Peak - formula) / wide.Tokens };
        }

        public MemoryEstimate Memory(long batch, int length)
        {
            long tokens = batch * length, logits = Logits(tokens), passing = (long)(PassingPerToken * tokens), kept = (long)(KeptPerToken * tokens);
            long peak = Process + Weights + (2 * Trained) + Math.Max(kept + logits, Trained) + passing;
            return new(Process, Weights, Trained, 2 * Trained, kept + passing, logits, peak);
        }

        public double Seconds(int batch, int length, int accumulation) => (accumulation * At(Clock, batch, length)) + Update.Seconds;

        public double CpuSeconds(int batch, int length, int accumulation) => (accumulation * At(Cpu, batch, length)) + Update.CpuSeconds;

        private long Logits(long tokens) => ScoreCopies * sizeof(float) * Math.Min(tokens * Config.VocabSize, CausalLoss.ScoresPerChunk);

        private static double At((double Call, double PerToken, double PerPair) cost, int batch, int length) =>
            cost.Call + (batch * ((cost.PerToken * length) + (cost.PerPair * length * length)));

        /// <summary>Three equations for three unknowns; a cost below zero is noise of the clock.</summary>
        private static (double Call, double PerToken, double PerPair) Fit(ProbedStep one, ProbedStep two, ProbedStep wide, Func<ProbedStep, double> cost)
        {
            double sequence = Math.Max(cost(two) - cost(one), 0.5 * cost(one)), call = Math.Max(0, cost(one) - sequence), length = one.Tokens;
            sequence = cost(one) - call;
            if (wide.Tokens == two.Tokens)
            {
                return (call, sequence / length, 0);
            }
            double perPair = Math.Max(0, ((cost(wide) - call) / wide.Tokens - sequence / length) / (wide.Tokens - length));
            return (call, (sequence / length) - (perPair * length), perPair);
        }

        /// <summary>The allocator keeps what the probes freed: resident, but of no use to anybody.</summary>
        private static long FreeBytes(params ProbedStep[] probes) => probes.Max(p => p.Peak);
    }
}
