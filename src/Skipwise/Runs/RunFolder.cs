using System.Globalization;
using System.Text.Json;
using Skipwise.Checkpoints;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Distributed;
using Skipwise.Storage;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Runs;

/// <summary>
/// Files of a training run:
/// <code>
/// run.json                 the effective options
/// contract.json            the values that decide the run's bytes, which a resumed run compares
/// rope-pilots.json         what the pilots that chose the RoPE scaling measured
/// run.yaml                 the same as a configuration file that starts the run again
/// metrics.jsonl            one line per step
/// evaluations.jsonl        one line per result of an evaluation during training
/// best/                    the best checkpoint
/// tensorboard/             event files
/// checkpoints/step-000100/ a model folder, and the state for resuming: training.safetensors or a file per rank, progress.json
/// config.json, ...         the finished model; config.json is written last and marks the run as finished
/// skipwise.json            files of the finished model that Skipwise wrote, with checksums; each checkpoint has one too
/// ranks/2.err              why rank 2 of several ranks failed (<see cref="RankFiles"/>)
/// run.lock                 exists only while a process works on the run
/// </code>
/// The process may be killed at any point: a name never refers to an incomplete file. Foreign files are kept.
/// </summary>
/// <param name="path">the folder</param>
/// <param name="called">what errors that advise another folder call it: the option that names it (<see cref="OptionName"/>)</param>
/// <param name="writes">false on ranks above 0: they take part in saving, but write nothing</param>
internal sealed class RunFolder(string path, string called = "folder", bool writes = true)
{
    public const string OptionsName = "run.json";
    internal const string BestName = "best";
    internal const string ContractName = "contract.json";
    internal const string PilotsName = "rope-pilots.json";
    private static readonly JsonSerializerOptions s_json = new()
    {
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        AllowDuplicateProperties = false,
    };
    private const string ProgressName = "progress.json";
    private const string CheckpointKind = "checkpoint", BestKind = "best model", RunKind = "training run", SetAsideEnding = ".kept",
        DamagedEnding = ".damaged";
    private const string TensorBoardFiles = "events.out.tfevents.*";

    public string Path { get; } = path;
    internal string Called { get; } = called;
    public string OptionsPath => System.IO.Path.Combine(Path, OptionsName);
    internal string PilotsPath => System.IO.Path.Combine(Path, PilotsName);
    internal string ContractPath => System.IO.Path.Combine(Path, ContractName);
    public string MetricsPath => System.IO.Path.Combine(Path, "metrics.jsonl");
    public string ConfigPath => System.IO.Path.Combine(Path, "run.yaml");
    public string EvaluationsPath => System.IO.Path.Combine(Path, "evaluations.jsonl");
    public string BestPath => System.IO.Path.Combine(Path, BestName);
    public string TensorBoardPath => System.IO.Path.Combine(Path, "tensorboard");
    private string CheckpointsPath => System.IO.Path.Combine(Path, "checkpoints");

    /// <summary>The checkpoint of a step, whether it exists or not.</summary>
    internal string CheckpointPath(int step) => CheckpointPath(Invariant($"step-{step:D6}"));

    /// <param name="name">of the checkpoint's folder</param>
    internal string CheckpointPath(string name) => System.IO.Path.Combine(CheckpointsPath, name);

    /// <summary>Complete checkpoints, oldest first.</summary>
    public IReadOnlyList<string> Checkpoints() =>
        Directory.Exists(CheckpointsPath)
            ? [.. Directory.EnumerateDirectories(CheckpointsPath, "step-*").Where(folder => StepOf(folder) >= 0 && IsCheckpoint(folder))
                .OrderBy(StepOf)]
            : [];

    /// <summary>Whether a folder has files of a checkpoint, not only a user's notes.</summary>
    private static bool IsCheckpoint(string folder) =>
        StateFiles.AreIn(folder)
        || ((string[])[FolderManifest.FileName, ProgressName]).Any(name => File.Exists(System.IO.Path.Combine(folder, name)));

    /// <summary>Creates the folder and locks it against other processes until the result is disposed.</summary>
    /// <exception cref="SkipwiseException">another process works on the run, or the folder cannot be made</exception>
    internal FolderClaim Lock()
    {
        var claim = FolderClaim.Acquire(Path, Called);
        AtomicFolder.RecoverIn(Path);
        AtomicFolder.RecoverIn(CheckpointsPath);
        return claim;
    }

    /// <summary>Whether the finished model exists.</summary>
    public bool IsFinished => File.Exists(System.IO.Path.Combine(Path, HfConfig.FileName));

    /// <summary>Starts a new run: deletes the files of an earlier run in the folder, and only those.</summary>
    internal void Clear()
    {
        Discard([HfConfig.FileName]); // first: the run is not finished any more
        Discard(FolderManifest.Find(Path)?.Files.Keys ?? []);
        Discard([EvaluationsPath, MetricsPath, FolderManifest.FileName]);
        AtomicFolder.Delete(BestPath);
        foreach (string checkpoint in Checkpoints())
        {
            AtomicFolder.Delete(checkpoint);
        }
    }

    /// <summary>Deletes a run that is no longer needed; files that Skipwise did not write stay.</summary>
    internal void Delete()
    {
        Clear();
        Discard([OptionsName, ContractName, PilotsName, ConfigPath]);
        ClearTensorBoard();
        RankFiles.Clear(System.IO.Path.Combine(Path, RankFiles.FolderName));
        foreach (string folder in ((string[])[CheckpointsPath, Path]).Where(Directory.Exists))
        {
            FileSystem.TryDeleteEmpty(folder);
        }
    }

    /// <summary>Deletes the event files of an earlier start.</summary>
    internal void ClearTensorBoard()
    {
        if (Directory.Exists(TensorBoardPath))
        {
            foreach (string file in Directory.EnumerateFiles(TensorBoardPath, TensorBoardFiles, SearchOption.AllDirectories).ToArray())
            {
                File.Delete(file);
            }
            FileSystem.TryDeleteEmpty(TensorBoardPath);
        }
    }

    /// <summary>Writes the finished model into the folder, next to the run's other files; config.json last.</summary>
    /// <param name="note">receives a warning about foreign files with the model's file names; they are renamed</param>
    internal void Finish(ITrainable trainable, IProgress<string>? note = null)
    {
        if (!writes)
        {
            trainable.TakePartInWriting();
            return;
        }
        string temporary = AtomicFile.TemporaryName(System.IO.Path.Combine(Path, "model"), AtomicFile.Suffix);
        FileSystem.CreateFolder(temporary);
        trainable.WriteFiles(temporary);
        var files = FolderManifest.Create(temporary, RunKind);
        // Files of an earlier end of the run, which may have other shards.
        Discard(FolderManifest.Find(Path)?.Files.Keys.OrderByDescending(name => name == HfConfig.FileName) ?? Enumerable.Empty<string>());
        foreach (string path in files.Files.Keys.Select(name => System.IO.Path.Combine(Path, name)).Where(System.IO.Path.Exists))
        {
            if (!files.Owns(path))
            {
                string aside = SetAside(path, SetAsideEnding);
                note?.Report($"warning: {path}: Skipwise did not write it, and the model needs the name: renamed to {aside}");
            }
        }
        files.Write(Path); // before the files, so that they are known as ours even if the process dies now
        foreach (string name in files.Files.Keys.OrderBy(name => name == HfConfig.FileName))
        {
            if (name == HfConfig.FileName)
            {
                FileSystem.SyncFolder(Path);
            }
            FileSystem.Rename(System.IO.Path.Combine(temporary, name), System.IO.Path.Combine(Path, name));
        }
        FileSystem.SyncFolder(Path);
        FileSystem.TryDeleteEmpty(temporary);
    }

    /// <summary>Deletes files of the run. A file of the finished model that was changed since stays.</summary>
    private void Discard(IEnumerable<string> names)
    {
        FolderManifest? manifest = FolderManifest.Find(Path);
        foreach (string path in names.Select(name => System.IO.Path.Combine(Path, name)).Where(File.Exists).ToArray())
        {
            if (manifest?.Files.ContainsKey(System.IO.Path.GetFileName(path)) != true || manifest.Owns(path))
            {
                FileSystem.Delete(path);
            }
        }
    }

    /// <summary>Renames a foreign folder in the place of one to be saved, rather than ending the run.</summary>
    private static void MoveAside(string folder, string kind, IProgress<string>? note)
    {
        try
        {
            AtomicFolder.RequireReplaceable(folder, kind);
        }
        catch (SkipwiseException e)
        {
            note?.Report($"warning: {e.Message}: it was renamed to {SetAside(folder, SetAsideEnding)}");
        }
    }

    /// <returns>the new name</returns>
    private static string SetAside(string path, string ending)
    {
        string aside = path + ending;
        for (int i = 2; System.IO.Path.Exists(aside); i++)
        {
            aside = Invariant($"{path}{ending}-{i}");
        }
        FileSystem.Move(path, aside);
        return aside;
    }

    /// <summary>Writes a checkpoint atomically, then deletes the oldest beyond <paramref name="keepLast"/>. Where the optimizer state is
    /// divided among ranks, all of them write.</summary>
    /// <param name="note">receives a warning if one of these cannot be deleted</param>
    public string SaveCheckpoint(ITrainable trainable, Optimizer optimizer, TrainProgress progress, int keepLast,
        IProgress<string>? note = null)
    {
        string folder = CheckpointPath(progress.Step);
        using IDisposable masters = optimizer.Masters.SwapIntoModel();
        if (writes)
        {
            MoveAside(folder, CheckpointKind, note);
        }
        if (optimizer.Masters.Ranks is { } ranks)
        {
            WriteTogether(ranks, folder, trainable, optimizer, WriteProgress);
        }
        else if (writes)
        {
            AtomicFolder.Write(folder, CheckpointKind, inner =>
            {
                trainable.WriteFiles(inner);
                SafetensorsWriter.Write(System.IO.Path.Combine(inner, StateFiles.Name), TrainingState.Tensors(trainable, optimizer));
                WriteProgress(inner);
            });
        }
        if (writes)
        {
            DeleteBeyond(keepLast, note);
        }
        return folder;

        void WriteProgress(string inner) =>
            AtomicFile.WriteText(System.IO.Path.Combine(inner, ProgressName), JsonSerializer.Serialize(progress));
    }

    /// <summary>Each rank writes its part of the model and of the optimizer state, which no rank has as a whole.</summary>
    private static void WriteTogether(ICollective ranks, string folder, ITrainable trainable, Optimizer optimizer,
        Action<string> writeProgress)
    {
        bool isGathered = trainable.Model.Residence is not null; // an error then leaves the other ranks waiting: it ends the job
        IReadOnlyList<string> Model(string inner) => trainable.WritePart(inner, ranks.Rank, ranks.Size);
        IReadOnlyList<string> State(string inner)
        {
            string name = StateFiles.NameOf(ranks.Rank, ranks.Size);
            SafetensorsWriter.Write(System.IO.Path.Combine(inner, name), TrainingState.Parts(trainable, optimizer));
            return [name];
        }
        SharedFolder.Write(ranks, folder, CheckpointKind,
            together: inner => isGathered ? Model(inner) : [],
            alone: inner => [.. isGathered ? [] : Model(inner), .. State(inner)],
            writeProgress);
    }

    /// <summary>Deletes the oldest checkpoints.</summary>
    private void DeleteBeyond(int keepLast, IProgress<string>? note)
    {
        foreach (string old in Checkpoints().SkipLast(Math.Max(1, keepLast)))
        {
            try
            {
                AtomicFolder.Delete(old);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                note?.Report(
                    $"warning: {old}: the old checkpoint cannot be deleted: {e.Message}. The run goes on; delete it to free its space");
            }
        }
    }

    /// <summary>Saves the model as the best checkpoint so far.</summary>
    internal void SaveBestCheckpoint(ITrainable trainable, Optimizer optimizer, IProgress<string>? note)
    {
        using IDisposable masters = optimizer.Masters.SwapIntoModel();
        if (!writes)
        {
            trainable.TakePartInWriting();
            return;
        }
        MoveAside(BestPath, BestKind, note);
        AtomicFolder.Write(BestPath, BestKind, trainable.WriteFiles);
    }

    /// <summary>The newest undamaged checkpoint. A damaged one is renamed, with a warning, and the one before it is used.</summary>
    /// <returns>null if there is no checkpoint</returns>
    /// <exception cref="SkipwiseException">all are damaged; names a file</exception>
    internal string? NewestValidCheckpoint(IProgress<string>? note)
    {
        while (Checkpoints() is [.., string newest] all)
        {
            if (FolderManifest.Find(newest)?.Damage(newest) is not { } damage)
            {
                return newest;
            }
            if (all.Count == 1)
            {
                throw new SkipwiseException(
                    $"{damage}. There is no checkpoint before {newest}: start the run again in another folder, or delete this one first");
            }
            note?.Report(
                $"warning: {damage}. It was renamed to {SetAside(newest, DamagedEnding)}; the run goes on from the checkpoint before it");
        }
        return null;
    }

    /// <summary>Reads a checkpoint's weights and optimizer state into place, to the last bit.</summary>
    /// <exception cref="SkipwiseException">a file of the checkpoint is missing or broken</exception>
    public static TrainProgress LoadCheckpoint(string checkpoint, ITrainable trainable, Optimizer optimizer)
    {
        TrainProgress progress = ReadProgress(checkpoint);
        using (optimizer.Masters.SwapIntoModel())
        {
            ReadState(checkpoint, trainable, optimizer);
        }
        optimizer.Resume(progress.OptimizerSteps);
        return progress;
    }

    /// <summary>Progress of a checkpoint's run.</summary>
    /// <exception cref="SkipwiseException">the file is missing or broken</exception>
    internal static TrainProgress ReadProgress(string checkpoint)
    {
        string progressPath = System.IO.Path.Combine(checkpoint, ProgressName);
        string remedy = $"Delete {checkpoint} to resume from the checkpoint before it";
        try
        {
            TrainProgress progress = JsonText.Deserialize<TrainProgress>(InputFile.ReadText(progressPath, remedy: remedy), s_json);
            return progress.IsValid ? progress : throw new JsonException("its numbers are not those of a run");
        }
        catch (JsonException e)
        {
            throw new SkipwiseException($"{progressPath}: cannot be read: {e.Message.TrimEnd('.')}. {remedy}", e);
        }
    }

    private static void ReadState(string checkpoint, ITrainable trainable, Optimizer optimizer)
    {
        trainable.ReadWeights(checkpoint);
        using StateFiles state = StateFiles.Open(checkpoint);
        TrainingState.Read(state, trainable, optimizer);
    }

    private static int StepOf(string folder) =>
        int.TryParse(System.IO.Path.GetFileName(folder).AsSpan("step-".Length), NumberStyles.None, CultureInfo.InvariantCulture,
            out int step) ? step : -1;

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
