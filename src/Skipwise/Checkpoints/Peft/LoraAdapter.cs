using Skipwise.Checkpoints.Formats;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Peft;

/// <summary>
/// A LoRA adapter: low-rank factors for some weights, and optionally fully trained weights (PEFT's modules_to_save, biases). Weights are
/// named as in the base model's checkpoint.
/// </summary>
/// <param name="Config">adapter_config.json</param>
/// <param name="Weights">the LoRA weights</param>
/// <param name="FullWeights">weights that replace the base model's in one module (modules_to_save); of a tied pair, the other module keeps
/// its own</param>
internal sealed record LoraAdapter(LoraConfig Config, IReadOnlyList<LoraWeight> Weights,
    IReadOnlyList<(string Name, Tensor Value)> FullWeights) : IDisposable
{
    /// <summary>weights that replace the base model's wherever it uses them, before <see cref="FullWeights"/> and LoRA weights are
    /// applied</summary>
    public IReadOnlyList<(string Name, Tensor Value)> Base { get; init; } = [];

    /// <summary>warnings for the user: files that are not read, weights that are missing</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Reads a folder in PEFT's layout: adapter_config.json with adapter_model.safetensors or adapter_model.bin.</summary>
    /// <exception cref="SkipwiseException">a file is missing or broken, or the adapter uses a method other than plain LoRA</exception>
    public static LoraAdapter Read(string folder) => AdapterFiles.Read(folder);

    /// <summary>Writes a folder in PEFT's layout, all or nothing. Replaces an existing adapter.</summary>
    /// <exception cref="SkipwiseException">the disk is full, or the folder exists and is no adapter</exception>
    public void Write(string folder) => AdapterFiles.Write(this, folder);

    /// <summary>Merges the adapter into the base model's weights. Changes nothing if anything does not fit.</summary>
    /// <param name="weight">looks up a weight by its name in the checkpoint, as consecutive blocks of rows; null if the model has no such
    /// separate weight</param>
    /// <param name="path">the adapter's folder, for error messages</param>
    /// <exception cref="SkipwiseException">a weight that the model does not have, or of another shape</exception>
    public void MergeInto(Func<string, IReadOnlyList<Tensor>?> weight, string path)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        IReadOnlyList<Tensor> Find(string name, params long[] shape)
        {
            IReadOnlyList<Tensor>? rows = weight(name);
            RequireInModel(path, name, shape, rows is null ? null : [rows.Sum(block => block.size(0)), .. rows[0].shape[1..]]);
            return rows!;
        }
        (IReadOnlyList<Tensor> Rows, LoraWeight Update)[] updates = [.. Weights.Select(w => (Find(w.Target, w.B.size(0), w.A.size(1)), w))];
        (IReadOnlyList<Tensor> Rows, Tensor Value)[] whole =
            [.. Base.Concat(FullWeights).Select(w => (Find(w.Name, w.Value.shape), w.Value))];
        foreach ((IReadOnlyList<Tensor> rows, Tensor value) in whole)
        {
            ForEachBlock(rows, value, (target, part) => target.copy_(part));
        }
        foreach ((IReadOnlyList<Tensor> rows, LoraWeight update) in updates)
        {
            using Tensor change = update.Update();
            ForEachBlock(rows, change, (target, part) => target.add_(part));
            if (rows.Any(FiniteCheck.HasNonFinite))
            {
                throw new SkipwiseException($"{path}: {update.Target}: the sum of weight and LoRA weight leaves the range of " +
                    $"{rows[0].dtype}: the adapter's training diverged, or it belongs to another model");
            }
        }
    }

    /// <summary>Checks that a weight which the adapter changes is one of the model.</summary>
    /// <param name="path">the adapter's folder, for error messages</param>
    /// <param name="name">of the weight in the checkpoint</param>
    /// <param name="shape">which the adapter is for</param>
    /// <param name="found">the model's; null if it has no such separate weight</param>
    /// <exception cref="SkipwiseException">it is none, or has another shape</exception>
    public static void RequireInModel(string path, string name, IReadOnlyList<long> shape, IReadOnlyList<long>? found)
    {
        if (found is null)
        {
            throw new SkipwiseException(
                $"{path}: changes {name}, which the model does not have as a weight of its own. Does the adapter belong to this model?");
        }
        if (!found.SequenceEqual(shape))
        {
            throw new SkipwiseException(
                $"{path}: {name}: the adapter is for a weight {TensorEntry.Describe(shape)}, the model's is " +
                $"{TensorEntry.Describe(found)}. Does the adapter belong to this model?");
        }
    }

    private static void ForEachBlock(IReadOnlyList<Tensor> rows, Tensor whole, Action<Tensor, Tensor> apply)
    {
        long row = 0;
        foreach (Tensor block in rows)
        {
            using Tensor part = whole.narrow(0, row, block.size(0)), there = part.to(block.dtype, block.device);
            FiniteCheck.RequireInRange(part, there, "an adapter's weight");
            apply(block, there);
            row += block.size(0);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (LoraWeight weight in Weights)
        {
            weight.A.Dispose();
            weight.B.Dispose();
        }
        foreach ((_, Tensor value) in Base.Concat(FullWeights))
        {
            value.Dispose();
        }
    }
}
