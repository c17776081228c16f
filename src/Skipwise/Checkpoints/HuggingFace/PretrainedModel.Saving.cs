using Skipwise.Checkpoints.Formats;
using Skipwise.Models;
using Skipwise.Storage;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>Its files: all of them at once, or a rank's part of them.</summary>
public sealed partial class PretrainedModel
{
    /// <summary>Saves a complete folder, all or nothing; an existing checkpoint of that name is replaced.</summary>
    /// <param name="folder">the folder to appear</param>
    /// <param name="shardBytes">size above which weights are split into shards</param>
    /// <exception cref="SkipwiseException">the disk is full, the folder holds files that Skipwise did not write, or values exceed the
    /// range of the files' type</exception>
    public void Save(string folder, long shardBytes = DefaultShardBytes) =>
        AtomicFolder.Write(folder, Kind, inner => WriteFiles(inner, shardBytes));

    /// <summary>Writes the model's files into an existing folder, for a checkpoint that holds more than the model (see
    /// <see cref="AtomicFolder"/>).</summary>
    /// <param name="widens">store a tensor in float32 if its values exceed the range of the files' type, instead of failing</param>
    public void WriteFiles(string folder, long shardBytes = DefaultShardBytes, bool widens = false) =>
        WriteWith(new SafetensorsFolder(folder) { ShardBytes = shardBytes, Metadata = _layout.Metadata }, folder, widens);

    private void WriteWith(SafetensorsFolder weights, string folder, bool widens)
    {
        IReadOnlyList<OutputTensor> written = WriteWeights(weights, widens);
        bool areAllWide = widens && SavingNote is not null && written.All(tensor => tensor.Type == ScalarType.Float32);
        if (weights.Rank == 0)
        {
            WriteCompanions(folder, areAllWide ? "float32" : null);
        }
    }

    /// <summary>Writes the weights in any format, with the names, order and types of the files that they were loaded from.</summary>
    /// <param name="widens">see <see cref="WriteFiles"/></param>
    /// <returns>the tensors that the writer was given</returns>
    internal IReadOnlyList<OutputTensor> WriteWeights(IWeightWriter writer, bool widens = false)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        var parameters = Model.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        IEnumerable<OutputTensor> stored = _layout.Stored
            .Select(t => new OutputTensor(t.Parameter.Name, t.Parameter.Shape,
                Parts(parameters, t.Parameter.Blocks), t.Type)
            { Blocks = t.Parameter.Blocks });
        OutputTensor[] written = widens ? Widened(stored) : [.. stored];
        writer.Write(written);
        return written;
    }

    /// <summary>Writes the weights under another format's names.</summary>
    /// <param name="stored">the format's tensors, made of rows of the model's parameters</param>
    internal void WriteWeights(IWeightWriter writer, IEnumerable<StoredParameter> stored)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        var parameters = Model.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        writer.Write([.. stored.Select(parameter => new OutputTensor(parameter.Name, parameter.Shape,
            Parts(parameters, parameter.Blocks), StoredMatrixType)
        { Blocks = parameter.Blocks })]);
    }

    /// <summary>The tensors, in float32 if a value exceeds the range of their type, so that a long training is not lost for one large
    /// weight.</summary>
    private OutputTensor[] Widened(IEnumerable<OutputTensor> tensors)
    {
        var names = new List<string>();
        OutputTensor[] fitting = [.. tensors.Select(tensor =>
        {
            using var made = NewDisposeScope();
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

    IReadOnlyList<string> ITrainable.WritePart(string folder, int rank, int ranks)
    {
        var weights = new SafetensorsFolder(folder)
        {
            ShardBytes = DefaultShardBytes,
            Metadata = _layout.Metadata,
            Rank = rank,
            Ranks = ranks,
        };
        WriteWith(weights, folder, widens: true);
        return weights.Written;
    }

    void ITrainable.TakePartInWriting()
    {
        if (Model.Residence is not null)
        {
            WriteWeights(new NoFile(), widens: true);
        }
    }
}
