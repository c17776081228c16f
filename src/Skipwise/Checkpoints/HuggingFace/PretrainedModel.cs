using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.Peft;
using Skipwise.Models;
using Skipwise.Storage;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>A model with everything that its folder holds: configuration, the way its weights are stored, tokenizer files.</summary>
public sealed class PretrainedModel : ITrainable, IDisposable
{
    /// <summary>bytes of weights per file before they are split into shards</summary>
    public const long DefaultShardBytes = 5_000_000_000;

    /// <summary>What a folder with a whole model is, for <see cref="AtomicFolder"/>.</summary>
    internal const string Kind = "model";

    private readonly WeightLayout _layout;
    private CompanionFiles _companions;

    private PretrainedModel(CausalLM model, HfConfig config, WeightLayout layout, string? folder, bool isFrozen = false)
    {
        Model = model;
        Config = config;
        _layout = layout;
        _companions = new CompanionFiles(File.Exists(folder) ? Path.GetDirectoryName(Path.GetFullPath(folder))! : folder);
        if (!isFrozen)
        {
            _companions.RequireAll(); // before the work whose result would lack them
            Warnings = _companions.Warnings;
        }
    }

    public CausalLM Model { get; }

    /// <summary>The config.json as it was read. <see cref="Model"/> may differ from it by rope and window.</summary>
    public HfConfig Config { get; }

    /// <summary>What a person should know of the folders that it was loaded from: weight files that are not read, what an adapter
    /// leaves open.</summary>
    public IReadOnlyList<string> Warnings { get; private set; } = [];

    /// <summary>Weights that the adapter updated, and weights that it replaced; null without one.</summary>
    public (int Updated, int Replaced)? Merged { get; private set; }

    public string? SavingNote { get; private set; }

    /// <summary>Whether saving rounds: the files hold a narrower type than the model is trained in.</summary>
    public bool SavingLosesPrecision => _layout.Stored.Any(tensor => tensor.Type != Model.Dtype);

    /// <summary>A model that has no folder yet.</summary>
    /// <param name="model">becomes the property of the result</param>
    /// <param name="tokenizerFolder">whose tokenizer files go with it</param>
    public static PretrainedModel Create(CausalLM model, string? tokenizerFolder = null)
    {
        HfConfig config = HfConfig.Create(model.Config);
        return new PretrainedModel(model, config, WeightLayout.Default(config.Family, model.Config), tokenizerFolder);
    }

    /// <summary>
    /// Loads a Hugging Face folder. Each tensor goes straight from the file into its parameter, so the peak memory is near one copy
    /// of the model.
    /// </summary>
    /// <param name="source">the folder, and what the user says about the rope</param>
    /// <param name="dtype">the type to compute in; the types of the file are remembered for saving</param>
    /// <param name="device">null is the CPU</param>
    /// <exception cref="SkipwiseException">a file is missing or broken, or the weights do not fit the configuration</exception>
    public static PretrainedModel Load(ModelSource source, ScalarType dtype = ScalarType.Float32, Device? device = null) =>
        Load(source, (source.Rope ?? new RopeOverrides()).Apply, dtype, device);

    /// <summary>Loads a folder's weights into a model whose rope and window <paramref name="adapt"/> decides.</summary>
    /// <inheritdoc cref="Load(ModelSource, ScalarType, Device?)"/>
    public static PretrainedModel Load(
        ModelSource source, Func<DecoderConfig, DecoderConfig> adapt, ScalarType dtype = ScalarType.Float32, Device? device = null) =>
        OutOfMemory.Naming(source.Folder, () => Read(source, adapt, dtype, device));

    private static PretrainedModel Read(ModelSource source, Func<DecoderConfig, DecoderConfig> adapt, ScalarType dtype, Device? device)
    {
        // the smaller one first: its errors take no time to find
        using LoraAdapter? read = source.Adapter is null ? null : LoraAdapter.Read(source.Adapter);
        HfConfig config = HfConfig.ForModel(source.Folder);
        DecoderConfig architecture = adapt(AdaptedRope(source, config.Model));
        if (source.FreezePadEmbedding)
        {
            architecture = architecture with { FrozenEmbeddingRow = architecture.PadTokenId };
        }
        using WeightFiles weights = WeightFiles.Open(source.Folder);
        WeightLayout layout = WeightLayout.Match(weights, config.Family, architecture);
        TiedAdapter? tied = read is null || !architecture.TieWordEmbeddings ? null
            : TiedAdapter.Create(read, config.Family.StoredName(ModelFamily.EmbeddingName), config.Family.StoredName(ModelFamily.HeadName),
                source.Adapter!);
        LoraAdapter? adapter = tied?.Adapter ?? read;
        bool getsHead = tied is { Parts: true };
        architecture = getsHead ? architecture with { TieWordEmbeddings = false } : architecture;
        var model = new CausalLM(architecture, dtype, device);
        try
        {
            bool isMerged = source.Adapter is not null; // an adapter is merged into whole weights
            using (var targets = new WeightTargets(model, isMerged ? null : source.QuantizationBits, map: true))
            {
                if (source.InferenceOnly && !isMerged && dtype == ScalarType.Float32 && model.Device.type == DeviceType.CPU)
                {
                    targets.KeepStoredTypes(layout);
                }
                Fill(targets, weights, layout);
            }
            WeightLayout own = getsHead ? layout.Untied(config.Family) : layout;
            var pretrained = new PretrainedModel(model, config, own, source.Folder, source.InferenceOnly);
            if (getsHead)
            {
                pretrained.CopyEmbeddingToHead();
            }
            if (adapter is not null)
            {
                pretrained.Merge(adapter, source.Adapter!);
            }
            pretrained.Warnings =
                [.. pretrained.Warnings, .. adapter?.Warnings ?? [], .. UnreadWeights.Warnings(source.Folder, weights.Paths)];
            return pretrained;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>What <see cref="Load(ModelSource, ScalarType, Device?)"/> would make, from config.json alone.</summary>
    /// <exception cref="SkipwiseException">a config.json is missing or broken, or an impossible rope</exception>
    public static DecoderConfig Architecture(ModelSource source) =>
        (source.Rope ?? new RopeOverrides()).Apply(AdaptedRope(source, HfConfig.ForModel(source.Folder).Model));

    /// <summary>An adapter that came with a config.json was trained under that one's rope and window.</summary>
    private static DecoderConfig AdaptedRope(ModelSource source, DecoderConfig model)
    {
        if (source.Adapter is null || !File.Exists(Path.Combine(source.Adapter, HfConfig.FileName)))
        {
            return model;
        }
        DecoderConfig adapted = HfConfig.ForModel(source.Adapter).Model;
        return model with { Rope = adapted.Rope, MaxPositionEmbeddings = adapted.MaxPositionEmbeddings };
    }

    /// <summary>
    /// Puts the weights of another folder of the same architecture into the model, as a resumed run does: into the memory that the
    /// parameters have, which an optimizer knows too.
    /// </summary>
    /// <exception cref="SkipwiseException">a file is missing or broken, or the weights do not fit the model</exception>
    public void ReadWeights(string folder)
    {
        using WeightFiles weights = WeightFiles.Open(folder);
        using var targets = new WeightTargets(Model, bits: null, map: false);
        Fill(targets, weights, WeightLayout.Match(weights, Config.Family, Model.Config));
    }

    private void CopyEmbeddingToHead()
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Model.HeadWeight.copy_(Model.named_parameters().First(p => p.name == ModelFamily.EmbeddingName).parameter);
    }

    /// <summary>Adds a LoRA adapter to the weights; the model is then an ordinary one.</summary>
    /// <param name="folder">the adapter's, for error messages</param>
    /// <exception cref="SkipwiseException">the adapter is for another model; nothing is changed then</exception>
    private void Merge(LoraAdapter adapter, string folder)
    {
        Merged = new(adapter.Weights.Count, adapter.Base.Count + adapter.FullWeights.Count);
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        var parameters = Model.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        var stored = Config.Family.StoredParameters(Model.Config).ToDictionary(s => s.Name, s => s.Blocks);
        adapter.MergeInto(name => stored.TryGetValue(name, out IReadOnlyList<RowBlock>? blocks)
            ? [.. blocks.Select(block => Rows(parameters, block))] : null, folder);
    }

    private static Tensor Rows(Dictionary<string, Parameter> parameters, RowBlock block) =>
        parameters[block.Canonical].narrow(0, block.FirstRow, block.Rows);

    private static void Fill(WeightTargets targets, WeightFiles weights, WeightLayout layout)
    {
        using IDisposable noGradient = no_grad();
        var filled = new HashSet<string>();
        foreach ((StoredParameter stored, _) in layout.Stored)
        {
            using var scope = NewDisposeScope(); // a view of rows would hold a weight that has been packed
            StoredTensor tensor = weights.Tensors[stored.Name];
            if (stored.Blocks is [{ Canonical: string canonical }] && !filled.Add(canonical))
            {
                CheckTiedHead(tensor, targets.Target(canonical));
                continue;
            }
            if (stored.Blocks.Count > 1 && tensor.Entry.View is not null)
            {
                Divide(tensor, stored.Blocks, targets);
            }
            else
            {
                FillBlocks(tensor, stored.Blocks, targets);
            }
            RequireFinite(tensor, stored.Blocks, targets);
            targets.MarkFilled(stored.Blocks);
        }
    }

    /// <summary>A model with a NaN in it still computes something: it is found here, where its tensor has a name.</summary>
    private static void RequireFinite(StoredTensor tensor, IReadOnlyList<RowBlock> blocks, WeightTargets targets)
    {
        if (!blocks.Any(block => FiniteCheck.HasNonFinite(targets.Rows(block))))
        {
            return;
        }
        using Tensor stored = tensor.File.Read(tensor.Entry);
        double largest = FiniteCheck.MaxAbs(stored);
        throw new SkipwiseException($"{tensor.File.Path}: tensor {tensor.Entry.Name}: " + (double.IsFinite(largest)
            ? FiniteCheck.OverflowMessage(largest, targets.Rows(blocks[0]).dtype)
            : $"{FiniteCheck.NonFiniteMessage(largest)}: the file is damaged or its training diverged. Fetch it again, or use another " +
                $"checkpoint"));
    }

    /// <summary>Each block's rows lie one after the other in the file: they are mapped where they may be, else read into their
    /// place.</summary>
    private static void FillBlocks(StoredTensor tensor, IReadOnlyList<RowBlock> blocks, WeightTargets targets)
    {
        long row = 0;
        foreach (RowBlock block in blocks)
        {
            TensorEntry entry = blocks.Count == 1 ? tensor.Entry : tensor.Entry.Rows(row, block.Rows);
            if (!targets.TryMap(block, tensor.File, entry))
            {
                tensor.File.ReadInto(entry, targets.Rows(block));
            }
            row += block.Rows;
        }
    }

    /// <summary>A joint tensor whose rows do not lie one after the other is read whole, then divided.</summary>
    private static void Divide(StoredTensor tensor, IReadOnlyList<RowBlock> blocks, WeightTargets targets)
    {
        using Tensor joined = tensor.File.Read(tensor.Entry);
        long row = 0;
        foreach (RowBlock block in blocks)
        {
            targets.Rows(block).copy_(joined.narrow(0, row, block.Rows));
            row += block.Rows;
        }
    }

    /// <summary>Saves a complete folder, all or nothing; an existing checkpoint of that name is replaced.</summary>
    /// <param name="folder">the folder to appear</param>
    /// <param name="shardBytes">weights are split into several files when they are larger</param>
    /// <exception cref="SkipwiseException">the disk is full, the folder holds what Skipwise did not write, or values leave the range of the
    /// files' type</exception>
    public void Save(string folder, long shardBytes = DefaultShardBytes) =>
        AtomicFolder.Write(folder, Kind, inner => WriteFiles(inner, shardBytes));

    /// <summary>Writes the model's files into a folder that exists: for a checkpoint that holds more than the model (see
    /// <see cref="AtomicFolder"/>).</summary>
    /// <param name="widens">a tensor that leaves the range of its type in the files is stored in float32, rather than refused</param>
    public void WriteFiles(string folder, long shardBytes = DefaultShardBytes, bool widens = false)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        var parameters = Model.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        IEnumerable<OutputTensor> stored = _layout.Stored
            .Select(t => new OutputTensor(t.Parameter.Name, t.Parameter.Shape,
                [.. t.Parameter.Blocks.Select(block => Rows(parameters, block))], t.Type));
        OutputTensor[] written = widens ? Widened(stored) : [.. stored];
        ShardPlan plan = ShardPlan.Split(written, shardBytes);
        foreach ((string file, IReadOnlyList<OutputTensor> tensors) in plan.Shards)
        {
            SafetensorsWriter.Write(Path.Combine(folder, file), tensors, _layout.Metadata);
        }
        if (plan.Shards.Count > 1)
        {
            AtomicFile.WriteText(Path.Combine(folder, WeightFiles.IndexName), plan.Index());
        }
        bool areAllWide = widens && SavingNote is not null && written.All(tensor => tensor.Type == ScalarType.Float32);
        WriteCompanions(folder, areAllWide ? "float32" : null);
    }

    /// <summary>What was trained for long is not refused for one weight that has grown too large.</summary>
    private OutputTensor[] Widened(IEnumerable<OutputTensor> tensors)
    {
        var names = new List<string>();
        OutputTensor[] fitting = [.. tensors.Select(tensor =>
        {
            if (tensor.Parts.All(part => FiniteCheck.FitsIn(part, tensor.Type)))
            {
                return tensor;
            }
            names.Add(tensor.Name);
            return tensor with { Type = ScalarType.Float32 };
        })];
        SavingNote = names.Count == 0 ? null
            : $"warning: saved in float32, for values leave the range of the base model's type: {string.Join(", ", names)}. Load the " +
                $"model in bfloat16 or float32: in float16 they would be infinite";
        return fitting;
    }

    void ITrainable.WriteFiles(string folder) => WriteFiles(folder, widens: true);

    void ITrainable.ReadWeights(string folder)
    {
        ReadWeights(folder);
        ReadCompanions(folder);
    }

    /// <summary>
    /// From here on the files beside the weights are those of a checkpoint of this model: its run took them when it began, and the base
    /// model's folder may have changed since.
    /// </summary>
    internal void ReadCompanions(string checkpoint) => _companions = new CompanionFiles(checkpoint);

    /// <summary>Writes what stands beside the weights: config.json and the tokenizer's files.</summary>
    /// <param name="type">that all weights have been widened to; else null</param>
    internal void WriteCompanions(string folder, string? type = null)
    {
        AtomicFile.WriteText(Path.Combine(folder, HfConfig.FileName), Config.TextFor(Model.Config, type));
        _companions.Write(folder);
    }

    public void Dispose() => Model.Dispose();

    /// <summary>The file holds the tied tensor twice: both must be the same, or the configuration is wrong about it.</summary>
    private static void CheckTiedHead(StoredTensor tensor, Tensor parameter)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Tensor twin = empty_like(parameter);
        tensor.File.ReadInto(tensor.Entry, twin);
        if (!twin.Equals(parameter))
        {
            throw new SkipwiseException(
                $"{tensor.File.Path}: tensor {tensor.Entry.Name}: differs from the embedding, but {HfConfig.FileName} says " +
                $"tie_word_embeddings: true. Set it to false to use both, or remove this tensor");
        }
    }
}
