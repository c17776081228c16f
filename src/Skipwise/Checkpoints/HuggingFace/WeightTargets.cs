using Skipwise.Checkpoints.Formats;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Storage;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>
/// Where a model's weights are read to: its parameters. Projections that are to be packed are packed one by one, as soon as all their rows
/// have been read, so that of those the model never takes more than one in full.
/// </summary>
internal sealed class WeightTargets : IDisposable
{
    private readonly Dictionary<string, Parameter> _parameters;
    private readonly Dictionary<string, Projection> _packed = [];
    private readonly Dictionary<string, (Tensor Weight, long Rows)> _open = []; // a weight in full, and how many of its rows have been read
    private readonly int? _bits;
    private readonly bool _map;
    private int _alignment = MappedFile.Alignment;

    /// <param name="bits">8 or 4: of the layers' projections; null packs none</param>
    /// <param name="map">whether a parameter may give up its memory for the file's own pages</param>
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

    /// <summary>For a model that is not trained: a matrix gets the type that the file gives it, if that has 16 bits, and tensors are mapped
    /// at any address.</summary>
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

    /// <param name="canonical">a parameter's name</param>
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

    /// <summary>Where a block is all of its parameter, and of its type, the entry's bytes as they lie in the file become the parameter's
    /// memory.</summary>
    /// <returns>false where they are to be read instead</returns>
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

    /// <summary>These rows have been read.</summary>
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
