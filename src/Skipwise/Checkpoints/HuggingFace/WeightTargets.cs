using Skipwise.Checkpoints.Formats;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Storage;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>
/// The destinations of a model's weights: its parameters. Projections to be quantized are quantized one by one, as soon as all their rows
/// have been read, so that at most one of them is in memory unquantized.
/// </summary>
internal sealed class WeightTargets : IDisposable
{
    private readonly Dictionary<string, Parameter> _parameters;
    private readonly Dictionary<string, Projection> _packed = [];
    private readonly Dictionary<string, (Tensor Weight, long Rows)> _open = []; // unquantized, and rows read so far
    private readonly int? _bits;
    private readonly bool _map;
    private int _alignment = MappedFile.Alignment;

    /// <summary>The destinations of a model.</summary>
    /// <param name="model">receives the weights</param>
    /// <param name="bits">8 or 4: quantize the layers' projections; null: no quantization</param>
    /// <param name="map">whether parameters may be memory-mapped</param>
    public WeightTargets(CausalLM model, int? bits, bool map)
    {
        (_bits, _map) = (bits, map);
        _parameters = model.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        if (bits is not null)
        {
            _packed = LoraInjector.Projections(model).ToDictionary(p => $"{p.Name}.weight", p => p.Projection);
            foreach (Projection projection in _packed.Values)
            {
                projection.FreeWeight();
            }
        }
    }

    /// <summary>For an inference-only model: matrices get the file's type if it has 16 bits, and tensors are mapped at any
    /// alignment.</summary>
    public void KeepStoredTypes(WeightLayout layout)
    {
        _alignment = 1;
        foreach ((StoredParameter stored, ScalarType type) in layout.HalfPrecision)
        {
            foreach (string canonical in stored.Blocks.Select(block => block.Canonical).Distinct())
            {
                Parameter parameter = _parameters[canonical];
                if (!_packed.ContainsKey(canonical))
                {
                    using Tensor narrow = empty(parameter.shape, type);
                    ParameterData.Set(parameter, narrow);
                    parameter.requires_grad = false;
                }
            }
        }
    }

    /// <summary>The tensor to read a parameter into.</summary>
    /// <param name="canonical">the parameter's name</param>
    public Tensor Target(string canonical)
    {
        if (!_packed.TryGetValue(canonical, out Projection? projection))
        {
            return _parameters[canonical];
        }
        if (!_open.TryGetValue(canonical, out var open))
        {
            open = _open[canonical] = (projection.EmptyWeight().DetachFromDisposeScope(), 0);
        }
        return open.Weight;
    }

    public Tensor Rows(RowBlock block) => Target(block.Canonical).narrow(0, block.FirstRow, block.Rows);

    /// <summary>Maps a parameter onto the entry's bytes, if the block is the whole parameter and has its type.</summary>
    /// <returns>false if they must be read instead</returns>
    public bool TryMap(RowBlock block, TensorFile file, TensorEntry entry)
    {
        if (!_map || _packed.ContainsKey(block.Canonical))
        {
            return false;
        }
        Parameter parameter = _parameters[block.Canonical];
        bool isWhole = block.Rows == parameter.size(0), isAsStored = entry.Type.Torch == parameter.dtype
            && parameter.device_type == DeviceType.CPU;
        if (!isWhole || !isAsStored || file.Map(entry, _alignment) is not { } mapped)
        {
            return false;
        }
        parameter.set_(mapped);
        return true;
    }

    /// <summary>Records that these rows have been read.</summary>
    public void MarkFilled(IReadOnlyList<RowBlock> blocks)
    {
        foreach (RowBlock block in blocks.Where(block => _packed.ContainsKey(block.Canonical)))
        {
            (Tensor weight, long rows) = _open[block.Canonical];
            _open[block.Canonical] = (weight, rows + block.Rows);
            if (rows + block.Rows == weight.size(0))
            {
                _packed[block.Canonical].Quantize(_bits!.Value, weight);
                weight.Dispose();
                _open.Remove(block.Canonical);
            }
        }
    }

    public void Dispose()
    {
        foreach ((Tensor weight, _) in _open.Values)
        {
            weight.Dispose();
        }
    }
}
