using System.Text.Json;
using Skipwise.Checkpoints;
using Skipwise.Data;
using Skipwise.Reports;
using Skipwise.Storage;
using Skipwise.Training;

namespace Skipwise.Recipes;

/// <summary>When a run saves, and whether it continues one.</summary>
public sealed record SaveOptions
{
    /// <summary>steps between checkpoints; 0 saves only the finished model</summary>
    public int Every { get; init; } = 100;
    /// <summary>checkpoints kept, the newest ones</summary>
    public int KeepLast { get; init; } = 2;
    /// <summary>continue from the newest checkpoint</summary>
    public bool Resume { get; init; }
}

/// <summary>How a run ended.</summary>
/// <param name="Completed">false when it was interrupted; it can then be resumed</param>
/// <param name="Checkpoint">where an interrupted run was saved</param>
public sealed record TrainingOutcome(bool Completed, string? Checkpoint);

/// <summary>What every verb that trains has in common: options, metrics, checkpoints, interruption, resumption.</summary>
internal static class TrainingRun
{
    /// <param name="options">the effective options; with --resume they must be those of the run that is continued</param>
    /// <param name="stop">ends the run after the step in progress, with a checkpoint</param>
    public static TrainingOutcome Run(Pretrained pretrained, IExampleSource source, TrainOptions train, object options, RunFolder folder, SaveOptions save, IProgress<StepMetrics>? progress, CancellationToken stop)
    {
        RequireStartable(folder, options, train, save);
        using var optimizer = new FusedAdamW(pretrained.Model, train.AdamW);
        TrainProgress start = Begin(folder, options, save, pretrained, optimizer);
        using MetricLog log = start.Step > 0
            ? MetricLog.Resume<StepMetrics>(folder.MetricsPath, metrics => metrics.Step <= start.Step)
            : MetricLog.Create(folder.MetricsPath);
        foreach (StepMetrics metrics in TrainLoop.Run(pretrained.Model, optimizer, source, train, start))
        {
            log.Append(metrics);
            progress?.Report(metrics);
            bool isLast = metrics.Step == train.Steps;
            bool interrupted = stop.IsCancellationRequested && !isLast;
            if (interrupted || (save.Every > 0 && metrics.Step % save.Every == 0 && !isLast))
            {
                string checkpoint = folder.Save(pretrained, optimizer, new TrainProgress(metrics.Step, TrainLoop.ExamplesAfter(metrics.Step, train)), save.KeepLast);
                if (interrupted)
                {
                    return new TrainingOutcome(false, checkpoint);
                }
            }
        }
        pretrained.Save(folder.Path);
        return new TrainingOutcome(true, null);
    }

    /// <summary>Whether a run with these options can begin, or continue, in this folder. Recipes ask before they write anything into it.</summary>
    /// <exception cref="SkipwiseException">a setting out of range, an unfinished run that is not to be resumed, or one with other options</exception>
    public static void RequireStartable(RunFolder folder, object options, TrainOptions train, SaveOptions save)
    {
        train.Validate();
        if (save.Every < 0 || save.KeepLast < 1)
        {
            throw new SkipwiseException($"--save-every is {save.Every} and --keep-last {save.KeepLast}; the first must be 0 (never) or more, the second at least 1.");
        }
        bool exists = File.Exists(folder.OptionsPath);
        if (save.Resume && exists && File.ReadAllText(folder.OptionsPath) != Text(options))
        {
            throw new SkipwiseException($"{folder.OptionsPath}: this run was started with other options, so it cannot be continued with these. Repeat its options, or start a new run in another folder with --out.");
        }
        if (!save.Resume && exists && folder.Checkpoints().Count > 0)
        {
            throw new SkipwiseException(File.Exists(Path.Combine(folder.Path, HfConfig.FileName))
                ? $"{folder.Path}: holds a finished run. Choose another --out, or delete the folder first."
                : $"{folder.Path}: holds an unfinished run. Continue it with --resume, or choose another --out.");
        }
        bool isForeign = !exists && Directory.Exists(folder.Path) && Directory.EnumerateFileSystemEntries(folder.Path).Any(entry => !entry.EndsWith(TrainingData.StoreEnding, StringComparison.Ordinal));
        if (isForeign || File.Exists(folder.Path))
        {
            throw new SkipwiseException($"{folder.Path}: exists and is no training run, so nothing is written into it. Choose another --out.");
        }
    }

    private static TrainProgress Begin(RunFolder folder, object options, SaveOptions save, Pretrained pretrained, FusedAdamW optimizer)
    {
        if (save.Resume && File.Exists(folder.OptionsPath))
        {
            return folder.Checkpoints() is [.., string latest] ? RunFolder.Restore(latest, pretrained, optimizer) : default;
        }
        CreateFolder(folder.Path);
        AtomicFile.WriteText(folder.OptionsPath, Text(options));
        return default;
    }

    /// <exception cref="SkipwiseException">the folder cannot be made</exception>
    public static void CreateFolder(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{path}: cannot be created: {e.Message}. Choose another folder with --out.", e);
        }
    }

    private static string Text(object options) => JsonSerializer.Serialize(options, RunJson.Options) + "\n";
}
