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
/// run.yaml                 the same as a configuration file that starts the run again
/// metrics.jsonl            one line per step
/// evaluations.jsonl        one line per number measured on the way
/// best/                    the model that measured best
/// tensorboard/             event files
/// checkpoints/step-000100/ a model folder, and what resuming needs besides: training.safetensors, progress.json
/// config.json, ...         the finished model; config.json comes last, so that it says that the run is finished
/// </code>
/// The process may be killed at any point: every name only ever shows something complete.
/// </summary>
public sealed class RunFolder(string path)
{
    public const string OptionsName = "run.json";
    private static readonly JsonSerializerOptions s_json = new()
    {
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        AllowDuplicateProperties = false,
    };
    private const string StateName = "training.safetensors", ProgressName = "progress.json", WeightPrefix = "weight.";

    public string Path { get; } = path;
    public string OptionsPath => System.IO.Path.Combine(Path, OptionsName);
    public string MetricsPath => System.IO.Path.Combine(Path, "metrics.jsonl");
    public string ConfigPath => System.IO.Path.Combine(Path, "run.yaml");
    public string EvaluationsPath => System.IO.Path.Combine(Path, "evaluations.jsonl");
    public string BestPath => System.IO.Path.Combine(Path, "best");
    public string TensorBoardPath => System.IO.Path.Combine(Path, "tensorboard");
    private string CheckpointsPath => System.IO.Path.Combine(Path, "checkpoints");

    /// <summary>Complete checkpoints, oldest first.</summary>
    public IReadOnlyList<string> Checkpoints() =>
        Directory.Exists(CheckpointsPath)
            ? [.. Directory.EnumerateDirectories(CheckpointsPath, "step-*").Where(folder => StepOf(folder) >= 0).OrderBy(StepOf)]
            : [];

    /// <summary>Whether the finished model is there.</summary>
    public bool IsFinished => File.Exists(System.IO.Path.Combine(Path, HfConfig.FileName));

    /// <summary>Removes what an earlier run of the same folder left, and what a killed one had begun to write.</summary>
    /// <param name="step">lines and checkpoints of the run to continue stay; 0 begins afresh, without a finished model or a best one</param>
    public void Clear(int step)
    {
        if (step == 0)
        {
            File.Delete(System.IO.Path.Combine(Path, HfConfig.FileName));
            File.Delete(EvaluationsPath);
            Remove(BestPath);
        }
        foreach (string stale in (string[])[.. Stale(Path), .. Directory.Exists(CheckpointsPath) ? Stale(CheckpointsPath) : []])
        {
            Directory.Delete(stale, recursive: true);
        }
    }

    /// <summary>Puts the finished model into the folder, beside what else the run left there; config.json last.</summary>
    public void Finish(ITrainable trainable)
    {
        string temporary = System.IO.Path.Combine(Path, "model" + AtomicFile.Suffix);
        Remove(temporary);
        Directory.CreateDirectory(temporary);
        trainable.WriteFiles(temporary);
        File.Delete(System.IO.Path.Combine(Path, HfConfig.FileName));
        foreach (string old in Directory.EnumerateFiles(Path).Where(AtomicFolder.IsWeights).ToArray())
        {
            File.Delete(old); // of a run with the same name that was cut into other shards
        }
        foreach (string file in Directory.EnumerateFiles(temporary).OrderBy(file => System.IO.Path.GetFileName(file) == HfConfig.FileName).ToArray())
        {
            File.Move(file, System.IO.Path.Combine(Path, System.IO.Path.GetFileName(file)), overwrite: true);
        }
        Directory.Delete(temporary);
    }

    private static IEnumerable<string> Stale(string folder) =>
        Directory.EnumerateDirectories(folder).Where(name => name.EndsWith(AtomicFile.Suffix, StringComparison.Ordinal) || name.EndsWith(AtomicFolder.Replaced, StringComparison.Ordinal));

    /// <summary>Under its name a folder is whole or gone, also when the process dies while it is being deleted.</summary>
    private static void Remove(string folder)
    {
        if (Directory.Exists(folder))
        {
            string dying = folder + AtomicFolder.Replaced;
            if (Directory.Exists(dying))
            {
                Directory.Delete(dying, recursive: true);
            }
            Directory.Move(folder, dying);
            Directory.Delete(dying, recursive: true);
        }
    }

    /// <summary>Writes a checkpoint, all or nothing, then removes the oldest beyond <paramref name="keepLast"/>.</summary>
    public string Save(ITrainable trainable, Optimizer optimizer, TrainProgress progress, int keepLast)
    {
        string folder = System.IO.Path.Combine(CheckpointsPath, Invariant($"step-{progress.Step:D6}"));
        Directory.CreateDirectory(CheckpointsPath);
        using IDisposable masters = optimizer.Masters.InModel();
        AtomicFolder.Write(folder, inner =>
        {
            trainable.WriteFiles(inner);
            IEnumerable<(string Name, Tensor Value)> state = optimizer.State();
            if (trainable.SavingRounds)
            {
                state = state.Concat(trainable.Model.named_parameters().Select(p => (WeightPrefix + p.name, (Tensor)p.parameter)));
            }
            SafetensorsWriter.Write(System.IO.Path.Combine(inner, StateName), state.Select(s => (s.Name, s.Value, s.Value.dtype)));
            AtomicFile.WriteText(System.IO.Path.Combine(inner, ProgressName), JsonSerializer.Serialize(progress));
        });
        foreach (string old in Checkpoints().SkipLast(Math.Max(1, keepLast)))
        {
            Remove(old);
        }
        return folder;
    }

    /// <summary>Puts a checkpoint's weights and optimizer state in place, to the last bit.</summary>
    /// <exception cref="SkipwiseException">a file of the checkpoint is missing or broken</exception>
    public static TrainProgress Restore(string checkpoint, ITrainable trainable, Optimizer optimizer)
    {
        string progressPath = System.IO.Path.Combine(checkpoint, ProgressName);
        string remedy = $"Delete {checkpoint} to resume from the checkpoint before it";
        TrainProgress progress;
        try
        {
            progress = JsonText.Deserialize<TrainProgress>(InputFile.ReadText(progressPath, remedy: remedy), s_json);
            if (!progress.IsPossible)
            {
                throw new JsonException("its numbers are not those of a run");
            }
        }
        catch (JsonException e)
        {
            throw new SkipwiseException($"{progressPath}: cannot be read: {e.Message.TrimEnd('.')}. {remedy}", e);
        }
        using (optimizer.Masters.InModel())
        {
            ReadState(checkpoint, trainable, optimizer);
        }
        optimizer.Resume(progress.Updates);
        return progress;
    }

    private static void ReadState(string checkpoint, ITrainable trainable, Optimizer optimizer)
    {
        trainable.ReadWeights(checkpoint);
        using SafetensorsFile state = SafetensorsFile.Open(System.IO.Path.Combine(checkpoint, StateName));
        IEnumerable<(string Name, Tensor Value)> wanted = optimizer.State();
        if (trainable.SavingRounds)
        {
            wanted = wanted.Concat(trainable.Model.named_parameters().Select(p => (WeightPrefix + p.name, (Tensor)p.parameter)));
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
    }

    private static int StepOf(string folder) =>
        int.TryParse(System.IO.Path.GetFileName(folder).AsSpan("step-".Length), NumberStyles.None, CultureInfo.InvariantCulture, out int step) ? step : -1;

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
