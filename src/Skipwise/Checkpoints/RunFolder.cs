using System.Globalization;
using System.Text.Json;
using Skipwise.Storage;
using Skipwise.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints;

/// <summary>
/// What a training run leaves on the disk:
/// <code>
/// run.json                 the effective options
/// metrics.jsonl            one line per step
/// checkpoints/step-000100/ a model folder, and what resuming needs besides: training.safetensors, progress.json
/// config.json, ...         the finished model
/// </code>
/// </summary>
public sealed class RunFolder(string path)
{
    public const string OptionsName = "run.json";
    private const string StateName = "training.safetensors", ProgressName = "progress.json", WeightPrefix = "weight.";

    public string Path { get; } = path;
    public string OptionsPath => System.IO.Path.Combine(Path, OptionsName);
    public string MetricsPath => System.IO.Path.Combine(Path, "metrics.jsonl");
    private string CheckpointsPath => System.IO.Path.Combine(Path, "checkpoints");

    /// <summary>Complete checkpoints, oldest first.</summary>
    public IReadOnlyList<string> Checkpoints() =>
        Directory.Exists(CheckpointsPath)
            ? [.. Directory.EnumerateDirectories(CheckpointsPath, "step-*").Where(folder => !folder.EndsWith(AtomicFile.Suffix, StringComparison.Ordinal)).OrderBy(StepOf)]
            : [];

    /// <summary>Writes a checkpoint, all or nothing, then removes the oldest beyond <paramref name="keepLast"/>.</summary>
    public string Save(Pretrained pretrained, FusedAdamW optimizer, TrainProgress progress, int keepLast)
    {
        string folder = System.IO.Path.Combine(CheckpointsPath, Invariant($"step-{progress.Step:D6}"));
        Directory.CreateDirectory(CheckpointsPath);
        AtomicFolder.Write(folder, inner =>
        {
            pretrained.WriteFiles(inner);
            IEnumerable<(string Name, Tensor Value)> state = optimizer.State();
            if (pretrained.SavingRounds)
            {
                state = state.Concat(pretrained.Model.named_parameters().Select(p => (WeightPrefix + p.name, (Tensor)p.parameter)));
            }
            SafetensorsWriter.Write(System.IO.Path.Combine(inner, StateName), state.Select(s => (s.Name, s.Value, s.Value.dtype)));
            AtomicFile.WriteText(System.IO.Path.Combine(inner, ProgressName), JsonSerializer.Serialize(progress));
        });
        foreach (string old in Checkpoints().SkipLast(Math.Max(1, keepLast)))
        {
            Directory.Delete(old, recursive: true);
        }
        return folder;
    }

    /// <summary>Puts a checkpoint's weights and optimizer state in place, to the last bit.</summary>
    /// <exception cref="SkipwiseException">a file of the checkpoint is missing or broken</exception>
    public static TrainProgress Restore(string checkpoint, Pretrained pretrained, FusedAdamW optimizer)
    {
        string progressPath = System.IO.Path.Combine(checkpoint, ProgressName);
        TrainProgress progress;
        try
        {
            progress = JsonSerializer.Deserialize<TrainProgress>(File.ReadAllText(progressPath));
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            throw new SkipwiseException($"{progressPath}: cannot be read: {e.Message}. Delete {checkpoint} to resume from the checkpoint before it", e);
        }
        pretrained.ReadWeights(checkpoint);
        using SafetensorsFile state = SafetensorsFile.Open(System.IO.Path.Combine(checkpoint, StateName));
        IEnumerable<(string Name, Tensor Value)> wanted = optimizer.State();
        if (pretrained.SavingRounds)
        {
            wanted = wanted.Concat(pretrained.Model.named_parameters().Select(p => (WeightPrefix + p.name, (Tensor)p.parameter)));
        }
        using IDisposable noGradient = no_grad();
        foreach ((string name, Tensor value) in wanted)
        {
            if (!state.Tensors.TryGetValue(name, out TensorEntry? entry) || !entry.Shape.SequenceEqual(value.shape))
            {
                throw new SkipwiseException($"{state.Path}: tensor {name} of shape {TensorEntry.Describe(value.shape)} is missing; the checkpoint belongs to another model. Start afresh without --resume");
            }
            state.ReadInto(entry, value);
        }
        optimizer.Resume(progress.Step);
        return progress;
    }

    private static int StepOf(string folder) =>
        int.TryParse(System.IO.Path.GetFileName(folder).AsSpan("step-".Length), NumberStyles.None, CultureInfo.InvariantCulture, out int step) ? step : -1;

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
