using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Recipes;
using Skipwise.Runs;
using Skipwise.Storage;
using Skipwise.Training;

namespace Skipwise.Reproduction;

/// <summary>Bases of other families, pretrained by the recipe of the shipped one on the same text with the same tokenizer.</summary>
internal sealed partial class ReproductionContext
{
    private const ulong PretrainingSeed = 1; // the shipped model's

    private readonly Dictionary<string, string> _families = [];

    /// <summary>The folder of a family's base, to be named in variants; null: the run's own base. It is pretrained when it is first
    /// needed.</summary>
    public string? BaseOf(FamilyShape family)
    {
        if (family.Values is null)
        {
            return null;
        }
        if (!_families.TryGetValue(family.Name, out string? folder))
        {
            PretrainOptions options = Pretraining(family, "unnamed"); // no part of the contract, which decides the name
            HfConfig config = family.Config(Base.Config.Model);
            string key = CacheKey.Of([.. Base.Identity.Where(value => value.Name == "tokenizer"),
                new("corpus.version", BaseModel.TextVersion), TrainedModels.TrainingVersionValue,
                new("contract", Pretrain.Contract(options, config).ToJson())]);
            _families[family.Name] = folder = Path.Combine(Out, "bases", key);
            _bases[folder] = new BaseModel(folder, Scale, config, Base.Tokenizer, new NamedValue("base_model.pretrained", key),
                () => PretrainBase(family, folder));
        }
        return folder;
    }

    /// <summary>Works with models of a family, after the pretraining of its base. Nobody needs the base any more when all are
    /// done.</summary>
    public IEnumerable<PlannedWork> WithBase(FamilyShape family, IReadOnlyList<PlannedWork> works)
    {
        if (BaseOf(family) is not { } folder)
        {
            return works;
        }
        PretrainOptions options = Pretraining(family, folder);
        long tokens = (long)options.BatchSize * options.ContextLength * (options.Steps + (options.ListSteps / 2));
        return
        [
            new($"base {Path.GetFileName(folder)}", folder, "pretrain a base", 3 * tokens, // ranks may know the folder by other paths
                () => works.All(work => work.IsDone()) || TrainedModels.IsSound(new RunFolder(folder)), () => PretrainBase(family, folder))
            {
                Use = WorkUse.ByOthers,
            },
            .. works,
        ];
    }

    private PretrainOptions Pretraining(FamilyShape family, string folder)
    {
        DecoderConfig model = family.Config(Base.Config.Model).Model;
        return new()
        {
            Out = folder,
            Seed = PretrainingSeed,
            ContextLength = Window,
            VocabSize = model.VocabSize,
            HiddenSize = model.HiddenSize,
            IntermediateSize = model.IntermediateSize,
            NumHiddenLayers = model.NumHiddenLayers,
            NumAttentionHeads = model.NumAttentionHeads,
            RopeTheta = model.Rope.Theta,
            ListSteps = Scale.PretrainingListSteps,
            Steps = Scale.PretrainingSteps,
            Documents = Scale.PretrainingDocuments,
        };
    }

    private void PretrainBase(FamilyShape family, string folder)
    {
        var run = new RunFolder(folder);
        if (TrainedModels.IsSound(run))
        {
            return;
        }
        _stop.ThrowIfCancellationRequested();
        _progress.Stage?.Report($"pretraining the {family.Name} base");
        PretrainOptions options = Pretraining(family, folder);
        IProgress<StepMetrics>? steps = null;
        string? begun = null;
        Directory.CreateDirectory(Path.GetDirectoryName(folder)!);
        if (run.IsFinished)
        {
            using FolderClaim claim = run.Lock();
            run.Clear(); // damaged
        }
        TrainingOutcome outcome = _times.Measure($"pretrain {family.Name}", () => Pretrain.Run(
            options, family.Config(Base.Config.Model), Base.Folder, new SaveOptions { EverySteps = 200, KeepLast = 1, Resume = true },
            new SynchronousProgress<(string Stage, StepMetrics Metrics)>(step =>
            {
                if (begun != step.Stage)
                {
                    begun = step.Stage;
                    steps = _progress.Training?.Invoke(step.Stage == Pretrain.ListStage ? options.ListSteps : options.Steps);
                }
                steps?.Report(step.Metrics);
            }), collective: null, _stop));
        if (!outcome.Completed)
        {
            throw new OperationCanceledException(_stop);
        }
        foreach (string checkpoint in run.Checkpoints())
        {
            AtomicFolder.Delete(checkpoint);
        }
    }
}
